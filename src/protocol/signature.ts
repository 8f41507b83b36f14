// Signs and checks the requests between forwarder and gateway (RULES R4; RFC 9421, hmac-sha256). Does no IO and holds no keys.
//
// Our profile: one signature, labelled `mcprec`. It covers the method, the target URI and each header of `isCovered` that the
// request carries, no more and no less, so that adding, dropping or changing one of them breaks it.
import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import { limits } from '../base/limits.ts';

const LABEL = 'mcprec';
const ALGORITHM = 'hmac-sha256';
const BODY_MAC_HEADER = 'mcprec-body-mac';
/** The session's signing key signs heads and bodies; without the prefix a body could be made that reads like a head. */
const BODY_DOMAIN = 'mcprec-body-v1\n';
/** A request that carries none of these cannot be ours. */
const REQUIRED = ['mcprec-session', 'mcprec-exchange', BODY_MAC_HEADER] as const;
const COVERED = new Set<string>([...REQUIRED, 'mcprec-parent', 'last-event-id', 'content-type', 'content-encoding']);

/** The part of a request that is signed, equal at both ends. */
export interface SignedHead {
  /** Upper-case, as sent. */
  readonly method: string;
  /** The absolute URL with its query, under the gateway's public address. */
  readonly targetUri: string;
  /** Names and values in turn, as `IncomingMessage.rawHeaders` gives them; with the session, exchange and body MAC headers in place. */
  readonly rawHeaders: readonly string[];
}

export interface SignRequest extends SignedHead {
  /** The session's signing key, 32 bytes. A `KeyObject`, because a MAC under raw bytes takes four times as long. */
  readonly key: KeyObject;
  /** Seconds since the epoch. */
  readonly createdSeconds: number;
}

/** Values of the `Signature-Input` and `Signature` headers. */
export interface RequestSignature {
  readonly signatureInput: string;
  readonly signature: string;
}

/** Returns the two header values that sign `request` (RFC 9421 §3.1). */
export function signRequest(request: SignRequest): RequestSignature {
  const components = readComponents(request);
  const params = `(${[...components.keys()].map((name) => `"${name}"`).join(' ')});created=${request.createdSeconds};alg="${ALGORITHM}"`;
  const mac = macOfHead(request.key, components, components.keys(), params);
  return { signatureInput: `${LABEL}=${params}`, signature: `${LABEL}=:${mac.toString('base64')}:` };
}

export interface VerifyRequest extends SignedHead {
  readonly key: KeyObject;
  /** The verifier's clock, milliseconds since the epoch. */
  readonly nowMs: number;
}

/**
 * Why a signature is refused. `missing`: a header of ours is absent; `malformed`: not our profile, a doubled header of ours or another algorithm;
 * `coverage`: something on the request is not covered, or the reverse; `stale`: made too long ago or in the future; `mismatch`: signed with another key or changed since.
 */
export type SignatureFault = 'missing' | 'malformed' | 'coverage' | 'stale' | 'mismatch';
export type SignatureCheck = { readonly ok: true } | { readonly ok: false; readonly fault: SignatureFault };

const OK: SignatureCheck = { ok: true };
const INPUT = /^mcprec=(\(("[a-z0-9@_-]+"(?: "[a-z0-9@_-]+")*)\);created=([0-9]{1,12});alg="hmac-sha256")$/;
const SIGNATURE = /^mcprec=:([A-Za-z0-9+/]{43}=):$/;

/** Checks the head of a request (RFC 9421 §3.2). The body is bound by its MAC: check it with `isBodyMac` once it is read. */
export function verifySignature(request: VerifyRequest): SignatureCheck {
  const components = readComponents(request);
  const input = onlyValue(request.rawHeaders, 'signature-input');
  const signature = onlyValue(request.rawHeaders, 'signature');
  if (input === undefined || signature === undefined || REQUIRED.some((name) => !components.has(name))) return refuse('missing');
  if (REQUIRED.some((name) => onlyValue(request.rawHeaders, name) === DOUBLED)) return refuse('malformed');
  const [, params = '', list = '', created = ''] = INPUT.exec(input) ?? [];
  const claimed = SIGNATURE.exec(signature)?.[1];
  if (params === '' || claimed === undefined) return refuse('malformed');
  const names = list.slice(1, -1).split('" "');
  if (names.length !== components.size || new Set(names).size !== names.length || names.some((name) => !components.has(name))) return refuse('coverage');
  if (Math.abs(request.nowMs - Number(created) * 1000) > limits.signatureSkewMsMax) return refuse('stale');
  // Compared as text: the last character of base64 has two bits that decoding drops, so two texts stand for one MAC.
  const right = macOfHead(request.key, components, names, params).toString('base64');
  return timingSafeEqual(Buffer.from(right), Buffer.from(claimed)) ? OK : refuse('mismatch');
}

/** The value of the body MAC header for a body as it goes over this hop, coded as it is; base64url. Empty bodies have one too. */
export function bodyMac(key: KeyObject, body: Uint8Array): string {
  return createHmac('sha256', key).update(BODY_DOMAIN).update(body).digest('base64url');
}

/** True where `claimed` is the MAC of `body`; takes the same time wherever they differ. */
export function isBodyMac(key: KeyObject, claimed: string, body: Uint8Array): boolean {
  const right = Buffer.from(bodyMac(key, body));
  const given = Buffer.from(claimed);
  return right.length === given.length && timingSafeEqual(right, given);
}

function refuse(fault: SignatureFault): SignatureCheck {
  return { ok: false, fault };
}

/** True where a header, its name in lower case, is under the signature if present. */
function isCovered(name: string): boolean {
  return name.startsWith('mcp-') || COVERED.has(name);
}

/** Component name → its value in the signature base; doubled headers are joined in their order (RFC 9421 §2.1). */
function readComponents(head: SignedHead): Map<string, string> {
  const components = new Map([
    ['@method', head.method],
    ['@target-uri', head.targetUri],
  ]);
  const raw = head.rawHeaders;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase();
    if (!isCovered(name)) continue;
    const value = (raw[i + 1] ?? '').trim();
    const before = components.get(name);
    components.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return components;
}

function macOfHead(key: KeyObject, components: ReadonlyMap<string, string>, names: Iterable<string>, params: string): Buffer {
  let base = '';
  for (const name of names) base += `"${name}": ${components.get(name) ?? ''}\n`;
  return createHmac('sha256', key).update(`${base}"@signature-params": ${params}`).digest();
}

const DOUBLED = '\n';

/** The one value of a header, undefined where it is absent, `DOUBLED` where it stands twice. */
function onlyValue(raw: readonly string[], name: string): string | undefined {
  let found: string | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i]?.length !== name.length || raw[i]?.toLowerCase() !== name) continue;
    if (found !== undefined) return DOUBLED;
    found = raw[i + 1];
  }
  return found;
}
