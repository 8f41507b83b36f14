// The provider's pages, as HTML text: plain forms that work in a browser without scripts and for a program that presses buttons.
import type { Account } from './accounts.ts';

const STYLE = `
  body { font: 16px/1.5 system-ui, sans-serif; color: #1c2430; background: #eef1f5; margin: 0; display: grid; place-items: center; min-height: 100vh }
  main { background: #fff; border-radius: 12px; box-shadow: 0 2px 12px #0002; padding: 2rem; width: min(26rem, calc(100vw - 6rem)) }
  h1 { font-size: 1.25rem; margin: 0 0 .75rem }
  p { margin: .5rem 0 }
  code { display: block; font: 600 1.75rem/1.2 ui-monospace, monospace; letter-spacing: .1em; text-align: center; background: #eef1f5; border-radius: 8px; padding: .75rem; margin: 1rem 0 }
  input[type=text] { font: inherit; width: 100%; box-sizing: border-box; padding: .6rem; text-transform: uppercase; border: 1px solid #b8c2d0; border-radius: 8px }
  button { font: inherit; text-align: left; width: 100%; padding: .6rem .9rem; margin: .3rem 0; border: 1px solid #b8c2d0; border-radius: 8px; background: #fff; cursor: pointer }
  button:hover, button:focus { background: #e8f0fe; border-color: #4577d8 }
  button.main { background: #2f5fc4; border-color: #2f5fc4; color: #fff; text-align: center }
  button.quiet { border-color: transparent; color: #5a6676; text-align: center }
  small { color: #5a6676; display: block }
  .wrong { color: #a3261b }
`;

/** `text` safe inside HTML text and double-quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title><style>${STYLE}</style></head>
<body><main><h1>${escapeHtml(title)}</h1>
${body}
</main></body></html>
`;
}

/** Asks for the code that the terminal shows. `form` is oidc-provider's own, `op.deviceInputForm`. */
export function codeInputPage(form: string, fault: string | undefined): string {
  const told = fault === undefined ? '<p>Type the code that mcprec shows in the terminal.</p>' : `<p class="wrong">${escapeHtml(fault)}</p>`;
  return page('Log in to mcprec', `${told}\n${form}\n<button class="main" type="submit" form="op.deviceInputForm">Continue</button>`);
}

/** Asks whether the code is the one in the terminal. `form` is oidc-provider's own, `op.deviceConfirmForm`. */
export function codeConfirmPage(form: string, userCode: string): string {
  return page(
    'Is this your code?',
    `<p>Go on only if your terminal shows this code:</p><code>${escapeHtml(userCode)}</code>
${form}
<button class="main" type="submit" form="op.deviceConfirmForm">Yes, continue</button>
<button class="quiet" type="submit" form="op.deviceConfirmForm" name="abort" value="yes">No, this is not mine</button>`,
  );
}

/** Lets one choose who to be; each account is one button. */
export function accountPage(action: string, accounts: readonly Account[]): string {
  const buttons = accounts.map(
    (a) =>
      `<button name="account" value="${escapeHtml(a.subject)}">${escapeHtml(a.name)}<small>${escapeHtml(a.role)} · ${escapeHtml(a.groups.join(', '))}</small></button>`,
  );
  return page(
    'Who are you today?',
    `<p>This provider is part of <b>mcprec dev</b>: no passwords, choose an account.</p>
<form method="post" action="${escapeHtml(action)}">
${buttons.join('\n')}
<button class="quiet" name="refuse" value="yes">Refuse the log-in</button>
</form>`,
  );
}

export function messagePage(title: string, text: string): string {
  return page(title, `<p>${escapeHtml(text)}</p>`);
}

/** Asks whether to end the provider's session. `form` is oidc-provider's own, `op.logoutForm`. */
export function logoutPage(form: string): string {
  return page(
    'Log out of this provider?',
    `${form}
<button class="main" type="submit" form="op.logoutForm" name="logout" value="yes">Yes, log out</button>
<button class="quiet" type="submit" form="op.logoutForm">No, stay</button>`,
  );
}
