// Loads oidc-provider without its advice on Node releases, which it prints where a release is not LTS yet: package.json says what mcprec runs on.

const { warn } = console;
console.warn = (...words: unknown[]) => {
  if (!String(words[0]).includes('Unsupported runtime')) warn(...words);
};
const loaded = await import('oidc-provider').finally(() => {
  console.warn = warn;
});

export const { Provider, errors, interactionPolicy } = loaded;
