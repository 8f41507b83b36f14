// logins.json: which gateways this laptop is logged in to, as whom, and where the secrets are. It holds no secret.
import { z } from 'zod';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { identitySchema } from '../protocol/control.ts';
import { inHome, readIfThere, replaceFile } from './files.ts';
import { gatewayUrl } from './gateway-url.ts';
import { storageKinds } from './secret-store.ts';

const loginSchema = z.object({
  method: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('device') }),
    /** The secret is read from this file at each use; without a file, from MCPREC_CLIENT_SECRET. */
    z.object({ kind: z.literal('client-credentials'), secretFile: z.string().optional() }),
    z.object({ kind: z.literal('token-file'), file: z.string() }),
  ]),
  issuer: z.url(),
  clientId: z.string(),
  scopes: z.array(z.string()),
  audience: z.string(),
  identity: identitySchema.extend({ name: z.string().optional() }),
  storage: z.enum(storageKinds),
  loggedInAtMs: z.number(),
});
/** One login, as everybody may read it. */
export type Login = z.infer<typeof loginSchema>;

const loginsSchema = z.object({
  version: z.literal(1),
  /** The gateway that commands use where none is named. */
  default: z.string().optional(),
  gateways: z.record(z.string(), loginSchema),
});
export type Logins = z.infer<typeof loginsSchema>;

/** What logins.json says; no logins where it is missing. Throws `config_invalid`, `config_unreadable`. */
export function readLogins(home: string): Logins {
  const path = inHome(home, 'logins');
  const bytes = readIfThere(path, limits.loginFileBytesMax);
  if (bytes === undefined) return { version: 1, gateways: {} };
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw invalid(path, (cause as Error).message, cause);
  }
  const read = loginsSchema.safeParse(json);
  if (!read.success) throw invalid(path, z.prettifyError(read.error), read.error);
  return read.data;
}

/** Replaces logins.json. Hold the login lock from reading to writing. Throws `home_unwritable`. */
export function writeLogins(home: string, logins: Logins): void {
  replaceFile(inHome(home, 'logins'), `${JSON.stringify(logins, null, 2)}\n`);
}

/** The logins with one put in as the default, or taken out. */
export function withLogin(logins: Logins, gateway: string, login: Login): Logins {
  return { version: 1, default: gateway, gateways: { ...logins.gateways, [gateway]: login } };
}

export function withoutLogins(logins: Logins, leaves: (gateway: string, login: Login) => boolean): Logins {
  const gateways = Object.fromEntries(Object.entries(logins.gateways).filter(([gateway, login]) => !leaves(gateway, login)));
  const next = logins.default !== undefined && logins.default in gateways ? logins.default : Object.keys(gateways)[0];
  return { version: 1, ...(next === undefined ? {} : { default: next }), gateways };
}

interface NamedGateway {
  /** From `--gateway`. */
  readonly gateway?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The gateway that is meant: `--gateway`, else MCPREC_GATEWAY, else the default; undefined where none is. Throws `usage`. */
export function namedGateway(named: NamedGateway, logins: Logins): string | undefined {
  const text = named.gateway || named.env.MCPREC_GATEWAY;
  return text ? gatewayUrl(text) : logins.default;
}

/** The login at the gateway that is meant. Throws `login_required`, naming the gateways that there is a login at. */
export function findLogin(named: NamedGateway, logins: Logins): { readonly gateway: string; readonly login: Login } {
  const gateway = namedGateway(named, logins);
  if (gateway === undefined) throw new McprecError('login_required', 'not logged in to any gateway', { remedy: 'run: mcprec login --gateway URL' });
  const login = logins.gateways[gateway];
  if (login !== undefined) return { gateway, login };
  const others = Object.keys(logins.gateways);
  const known = others.length === 0 ? '' : ` (there is a login at ${others.join(', ')})`;
  throw new McprecError('login_required', `not logged in to ${gateway}${known}`, { remedy: `run: mcprec login --gateway ${gateway}` });
}

function invalid(path: string, reason: string, cause: unknown): McprecError {
  return new McprecError('config_invalid', `${path} is damaged: ${reason}`, { cause, remedy: `delete ${path}, then run: mcprec login` });
}
