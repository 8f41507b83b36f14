// Drives the provider's pages as a browser would: follows redirects, keeps cookies, presses the buttons it finds.

const PAGES_MAX = 20;

export interface PressOptions {
  /** Subject of the account to choose. */
  readonly account?: string;
  /** Typed in where a page asks for the code, once. */
  readonly code?: string;
  /** Where to say no: on the page that shows the code, or on the one that lists the accounts. */
  readonly refuse?: 'code' | 'account';
  /** Kept between calls where several log-ins are to come from one browser. */
  readonly cookies?: Map<string, string>;
}

interface Button {
  readonly name: string;
  readonly value: string;
  readonly text: string;
  readonly formId: string | undefined;
}
interface Form {
  readonly action: string;
  readonly id: string | undefined;
  readonly fields: readonly (readonly [string, string])[];
  readonly asksForCode: boolean;
  readonly buttons: readonly Button[];
}

/** Goes from `verification_uri_complete` to the last page. Returns the titles of the pages seen, the last one last. */
export async function pressButtons(url: string, options: PressOptions): Promise<string[]> {
  const cookies = options.cookies ?? new Map<string, string>();
  const titles: string[] = [];
  let { code } = options;
  let page = await load(cookies, url);
  for (let i = 0; i < PAGES_MAX; i++) {
    const title = /<title>(.*?)<\/title>/.exec(page.html)?.[1] ?? '';
    titles.push(title);
    const press = choose(readForms(page.html), options);
    if (!press) return titles;
    const body = new URLSearchParams(press.form.fields.map(([name, value]): [string, string] => [name, value]));
    if (press.form.asksForCode) {
      if (code === undefined) return titles;
      body.set('user_code', code);
      code = undefined;
    }
    if (press.button?.name) body.append(press.button.name, press.button.value);
    page = await load(cookies, new URL(press.form.action, page.url).href, body);
  }
  throw new Error(`more than ${PAGES_MAX} pages: ${titles.join(' → ')}`);
}

function choose(forms: readonly Form[], options: PressOptions): { form: Form; button: Button | undefined } | undefined {
  for (const form of forms) {
    const find = (name: string, value: string | undefined) => form.buttons.find((b) => b.name === name && b.value === value);
    const refusal = options.refuse === 'code' ? find('abort', 'yes') : options.refuse === 'account' ? find('refuse', 'yes') : undefined;
    if (refusal) return { form, button: refusal };
    if (form.buttons.some((b) => b.name === 'account')) {
      const button = find('account', options.account);
      if (!button) throw new Error(`the page has no button for ${options.account}`);
      return { form, button };
    }
    return { form, button: form.buttons.find((b) => b.name === '') };
  }
  return undefined;
}

async function load(cookies: Map<string, string>, url: string, body?: URLSearchParams): Promise<{ url: string; html: string }> {
  let at = url;
  let form = body;
  for (let i = 0; i < PAGES_MAX; i++) {
    const response = await fetch(at, {
      redirect: 'manual',
      headers: { accept: 'text/html', cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form ? { method: 'POST', body: form } : {}),
    });
    for (const line of response.headers.getSetCookie()) keepCookie(cookies, line);
    const location = response.headers.get('location');
    if (location === null) return { url: at, html: await response.text() };
    await response.body?.cancel();
    at = new URL(location, at).href;
    form = undefined;
  }
  throw new Error(`more than ${PAGES_MAX} redirects from ${url}`);
}

function keepCookie(cookies: Map<string, string>, line: string): void {
  const [pair = ''] = line.split(';');
  const eq = pair.indexOf('=');
  const name = pair.slice(0, eq).trim();
  const value = pair.slice(eq + 1).trim();
  if (value === '' || /;\s*expires=Thu, 01 Jan 1970/i.test(line)) cookies.delete(name);
  else cookies.set(name, value);
}

function readForms(html: string): Form[] {
  const forms = [...html.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs)].map(([, head = '', inner = '']) => ({
    id: attribute(head, 'id'),
    action: attribute(head, 'action') ?? '',
    fields: [...inner.matchAll(/<input\b([^>]*)>/g)].map(([, input = '']) => [attribute(input, 'name') ?? '', attribute(input, 'value') ?? ''] as const),
    asksForCode: /<input\b[^>]*type="text"[^>]*name="user_code"/.test(inner),
    inner,
  }));
  const outside = readButtons(html.replace(/<form\b.*?<\/form>/gs, ''));
  return forms.map(({ inner, ...form }) => ({
    ...form,
    buttons: [...readButtons(inner), ...outside.filter((b) => b.formId !== undefined && b.formId === form.id)],
  }));
}

function readButtons(html: string): Button[] {
  return [...html.matchAll(/<button\b([^>]*)>(.*?)<\/button>/gs)].map(([, head = '', text = '']) => ({
    name: attribute(head, 'name') ?? '',
    value: attribute(head, 'value') ?? '',
    text: unescapeHtml(text.replace(/<[^>]*>/g, ' ')),
    formId: attribute(head, 'form'),
  }));
}

function attribute(head: string, name: string): string | undefined {
  const found = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(head)?.[1];
  return found === undefined ? undefined : unescapeHtml(found);
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function unescapeHtml(text: string): string {
  return text.replace(/&(?:#(\d+)|(\w+));/g, (whole, digits: string | undefined, name: string | undefined) =>
    digits !== undefined ? String.fromCodePoint(Number(digits)) : (NAMED[name ?? ''] ?? whole),
  );
}
