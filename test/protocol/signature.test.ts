import { createHmac, createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import { bodyMac, isBodyMac, signRequest, verifySignature } from '../../src/protocol/signature.ts';

const keyBytes = new Uint8Array(32).map((_, i) => i);
const key = createSecretKey(keyBytes);
const otherKey = createSecretKey(new Uint8Array(32));
const nowMs = 1_800_000_000_000;
const targetUri = 'https://gateway.example/c/datadog/mcp?toolsets=core';
const body = Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping"}');
const rawHeaders = [
  ['Content-Type', 'application/json'],
  ['Accept', 'application/json, text/event-stream'],
  ['MCP-Protocol-Version', '2026-07-28'],
  ['Mcp-Method', 'ping'],
  ['Mcprec-Session', 'ses_0192'],
  ['Mcprec-Exchange', 'exc_0193'],
  ['Mcprec-Body-Mac', bodyMac(key, body)],
].flat();

function signed(over: { method?: string; targetUri?: string; rawHeaders?: readonly string[]; createdMs?: number } = {}) {
  const head = { method: 'POST', targetUri, rawHeaders, ...over };
  const made = signRequest({ ...head, key, createdSeconds: (over.createdMs ?? nowMs) / 1000 });
  return { ...head, key, nowMs, rawHeaders: [...head.rawHeaders, 'Signature-Input', made.signatureInput, 'Signature', made.signature] };
}

function withHeader(request: ReturnType<typeof signed>, name: string, value: string) {
  const at = request.rawHeaders.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === name);
  return { ...request, rawHeaders: request.rawHeaders.with(at + 1, value) };
}

describe('request signature', () => {
  it('keeps to the bytes of RFC 9421', () => {
    const made = signRequest({ key, method: 'POST', targetUri, rawHeaders, createdSeconds: 1_800_000_000 });
    const params =
      '("@method" "@target-uri" "content-type" "mcp-protocol-version" "mcp-method" "mcprec-session" "mcprec-exchange" "mcprec-body-mac");created=1800000000;alg="hmac-sha256"';
    const base = [
      '"@method": POST',
      '"@target-uri": https://gateway.example/c/datadog/mcp?toolsets=core',
      '"content-type": application/json',
      '"mcp-protocol-version": 2026-07-28',
      '"mcp-method": ping',
      '"mcprec-session": ses_0192',
      '"mcprec-exchange": exc_0193',
      `"mcprec-body-mac": ${createHmac('sha256', keyBytes).update(`mcprec-body-v1\n${body.toString()}`).digest('base64url')}`,
      `"@signature-params": ${params}`,
    ].join('\n');
    const mac = createHmac('sha256', keyBytes).update(base).digest('base64');
    expect(made).toEqual({ signatureInput: `mcprec=${params}`, signature: `mcprec=:${mac}:` });
    expect(mac).toBe('iyhaDlwFL0Rv/maEsGnJpQj/EEd60uRUMOkvHtQE9Ck=');
  });

  it('accepts what it signed', () => {
    expect(verifySignature(signed())).toEqual({ ok: true });
    expect(verifySignature(signed({ method: 'GET', rawHeaders: [...rawHeaders, 'Last-Event-ID', '7', 'mcprec-parent', 'exc_0001'] }))).toEqual({ ok: true });
  });

  it('accepts the covered parts in any order and headers in any case', () => {
    const request = signed({ rawHeaders: rawHeaders.map((text, i) => (i % 2 === 0 ? text.toUpperCase() : text)) });
    expect(verifySignature(request)).toEqual({ ok: true });
    const moved = [...request.rawHeaders.slice(2), ...request.rawHeaders.slice(0, 2)];
    expect(verifySignature({ ...request, rawHeaders: moved })).toEqual({ ok: true });
  });

  it('joins doubled headers in their order', () => {
    const twice = [...rawHeaders, 'Mcp-Param-A', 'one', 'mcp-param-a', 'two'];
    expect(verifySignature(signed({ rawHeaders: twice }))).toEqual({ ok: true });
    const request = signed({ rawHeaders: twice });
    const swapped = request.rawHeaders.map((text) => (text === 'one' ? 'two' : text === 'two' ? 'one' : text));
    expect(verifySignature({ ...request, rawHeaders: swapped })).toEqual({ ok: false, fault: 'mismatch' });
  });

  it.each([
    ['an added mcp header', { rawHeaders: [...signed().rawHeaders, 'Mcp-Param-Scope', 'prod'] }, 'coverage'],
    ['an added Last-Event-ID', { rawHeaders: [...signed().rawHeaders, 'last-event-id', '9'] }, 'coverage'],
    ['an added content coding', { rawHeaders: [...signed().rawHeaders, 'content-encoding', 'gzip'] }, 'coverage'],
    ['an added parent', { rawHeaders: [...signed().rawHeaders, 'mcprec-parent', 'exc_1'] }, 'coverage'],
    ['a second session', { rawHeaders: [...signed().rawHeaders, 'mcprec-session', 'ses_1'] }, 'malformed'],
    ['a second signature', { rawHeaders: [...signed().rawHeaders, 'signature', 'mcprec=:AAAA:'] }, 'malformed'],
    ['a dropped mcp header', { rawHeaders: signed().rawHeaders.filter((_, i) => i !== 6 && i !== 7) }, 'coverage'],
    ['no signature', { rawHeaders }, 'missing'],
    ['no session', { rawHeaders: signed().rawHeaders.filter((_, i) => i !== 8 && i !== 9) }, 'missing'],
    ['another method', { method: 'DELETE' }, 'mismatch'],
    ['another query', { targetUri: targetUri.replace('core', 'all') }, 'mismatch'],
    ['another key', { key: otherKey }, 'mismatch'],
    ['a clock behind', { nowMs: nowMs - limits.signatureSkewMsMax - 1000 }, 'stale'],
    ['a clock ahead', { nowMs: nowMs + limits.signatureSkewMsMax + 1000 }, 'stale'],
  ])('refuses %s', (_, change, fault) => {
    expect(verifySignature({ ...signed(), ...change })).toEqual({ ok: false, fault });
  });

  it('refuses another algorithm, label or parameter', () => {
    const request = signed();
    const input = request.rawHeaders[request.rawHeaders.indexOf('Signature-Input') + 1] ?? '';
    for (const bad of [
      input.replace('hmac-sha256', 'none'),
      input.replace('mcprec=', 'sig1='),
      `${input}, sig2=("@method");created=1`,
      `${input};keyid="x"`,
      input.replace(';alg="hmac-sha256"', ''),
      input.replace('("@method"', '("@method" "@method"'),
    ]) {
      expect(verifySignature(withHeader(request, 'signature-input', bad)).ok).toBe(false);
    }
  });

  it('refuses any changed character of what is covered', () => {
    const names = rawHeaders.filter((name, i) => i % 2 === 0 && name !== 'Accept').map((name) => name.toLowerCase());
    fc.assert(
      fc.property(fc.constantFrom(...names, 'signature', 'signature-input'), fc.nat(), fc.integer({ min: 1, max: 90 }), (name, where, shift) => {
        const request = signed();
        const at = request.rawHeaders.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === name);
        const value = request.rawHeaders[at + 1] ?? '';
        const i = where % value.length;
        const changed = String.fromCharCode(33 + ((value.charCodeAt(i) - 33 + shift) % 94));
        if (changed === value[i]) return;
        expect(verifySignature(withHeader(request, name, value.slice(0, i) + changed + value.slice(i + 1))).ok).toBe(false);
      }),
    );
  });

  it('refuses any added mcp header, wherever it stands', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-zA-Z0-9-]{1,20}$/), fc.stringMatching(/^[ -~]{0,20}$/), fc.nat({ max: 7 }), (name, value, where) => {
        const request = signed();
        const raw = request.rawHeaders.toSpliced(where * 2, 0, `Mcp-${name}`, value);
        expect(verifySignature({ ...request, rawHeaders: raw }).ok).toBe(false);
      }),
    );
  });
});

describe('body MAC', () => {
  it('is of the body and the key, and of nothing else', () => {
    expect(isBodyMac(key, bodyMac(key, body), body)).toBe(true);
    expect(isBodyMac(key, bodyMac(key, new Uint8Array()), new Uint8Array())).toBe(true);
    expect(isBodyMac(otherKey, bodyMac(key, body), body)).toBe(false);
    expect(isBodyMac(key, 'short', body)).toBe(false);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), fc.nat(), fc.integer({ min: 1, max: 255 }), (bytes, at, by) => {
        const changed = bytes.with(at % bytes.length, (bytes[at % bytes.length] ?? 0) ^ by);
        expect(isBodyMac(key, bodyMac(key, bytes), changed)).toBe(false);
      }),
    );
  });

  it('cannot pass for a signature of a head', () => {
    const request = signed();
    const params = (request.rawHeaders[request.rawHeaders.indexOf('Signature-Input') + 1] ?? '').slice('mcprec='.length);
    const base = `"@method": POST\n"@target-uri": ${targetUri}\n"@signature-params": ${params}`;
    const mac = Buffer.from(bodyMac(key, Buffer.from(base)), 'base64url').toString('base64');
    expect(verifySignature(withHeader(request, 'signature', `mcprec=:${mac}:`)).ok).toBe(false);
  });
});
