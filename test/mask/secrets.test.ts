// Secrets: by their own form, by their name, by their place; and the names and words that announce none.
import { describe, expect, it } from 'vitest';
import { seeded } from '../eval/random.ts';
import { secretFormats, secretPlaces } from '../eval/values.ts';
import { masked } from './maskers.ts';

describe('by its form', () => {
  it.each(Object.entries(secretFormats))('masks a %s', (_, make) => {
    const r = seeded(11);
    for (let n = 0; n < 20; n++) {
      const value = make(r);
      for (const around of [
        ['', ''],
        ['got ', ' back'],
        ['{"note":"', '"}'],
        ['x=', '&y=1'],
        ['(', ')'],
        ['\\n', '\\n'],
      ]) {
        const out = masked((around[0] ?? '') + value + (around[1] ?? ''));
        expect(out).toMatch(/\[secret:[a-z]+\]/);
        expect(out).not.toContain(value.slice(-16));
      }
    }
  });

  it('tells the issuer in its mark', () => {
    expect(masked('ghp_abcdefghijklmnopqrstuvwxyz0123456789')).toBe('[secret:github]');
    expect(masked('AKIAIOSFODNN7EXAMPLE,wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY')).toBe('[secret:aws],[secret:aws]');
    expect(masked('-----BEGIN EC PRIVATE KEY-----\\nMHcCAQEE\\n-----END EC PRIVATE KEY-----\\n')).toBe('[secret:pem]\\n');
  });

  it.each([
    'sk-learn-based-classifier-for-text',
    'risk-assessment-v2-final-2024-11',
    'hf_transfer_enabled_by_default_everywhere',
    'npm_config_registry_of_the_company_mirror',
    'eyJmb28iOiJiYXIifQ',
    'eyJub3QiOiJhIHRva2VuIn0.abc.def',
    'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    'commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b',
    'trace_id d41d8cd98f00b204e9800998ecf8427e',
    '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----',
    '-----BEGIN PUBLIC KEY-----',
  ])('leaves %s', (input) => expect(masked(input)).toBe(input));
});

describe('by its name or place', () => {
  it.each(Object.entries(secretPlaces))('masks a %s', (_, make) => {
    const r = seeded(12);
    for (let n = 0; n < 20; n++) {
      const { text, value } = make(r);
      expect(masked(text)).not.toContain(value);
    }
  });

  it.each([
    ['password=hunter2', 'password=[secret:password]'],
    ['Password: hunter2', 'Password: [secret:password]'],
    ['DB_PASSWORD=changeme next=1', 'DB_PASSWORD=[secret:password] next=1'],
    ['"password": "correct horse"', '"password": "[secret:password]"'],
    ["password='it is'", "password='[secret:password]'"],
    ['"passphrase":"a\\"b"', '"passphrase":"[secret:password]"'],
    ['Server=db;User Id=sa;Password=Pa$$w0rd;Encrypt=true', 'Server=db;User Id=sa;Password=[secret:password];Encrypt=true'],
    ['postgres://app:s3/cr@et@db.example.com/x', 'postgres://app:[secret:url]@db.example.com/x'],
    ['redis://:p4ssw0rd@redis:6379/0', 'redis://:[secret:url]@redis:6379/0'],
    ['https:\\/\\/u:pw123@example.com\\/', 'https:\\/\\/u:[secret:url]@example.com\\/'],
    ['https://0123456789abcdef0123456789abcdef@o1.ingest.example/2', 'https://[secret:url]@o1.ingest.example/2'],
    ['root:toor@tcp(db:3306)/x', 'root:[secret:url]@tcp(db:3306)/x'],
    ['Authorization: Bearer abcdefghijklmnop', 'Authorization: Bearer [secret:authorization]'],
    ['Authorization: Digest username="bob", response="6629"', 'Authorization: Digest [secret:authorization]'],
    ['"Authorization":["Bearer abc123def456"]', '"Authorization":["[secret:authorization]"]'],
    ['sent Bearer abcdef123456 to it', 'sent Bearer [secret:bearer] to it'],
    ['Basic dXNlcjpwYXNz', 'Basic [secret:basic]'],
    ['Set-Cookie: session=abc123; Path=/', 'Set-Cookie: [secret:cookie]'],
    ["-H 'X-Api-Key: 0123456789abcdef'", "-H 'X-Api-Key: [secret:key]'"],
    ['curl -u admin:hunter2 http://x', 'curl -u admin:[secret:password] http://x'],
    ['run --token abcdef123456 --verbose', 'run --token [secret:key] --verbose'],
    ['the secret is Zx9$kkq2.', 'the secret is [secret:key].'],
    ['Datadog API key 0123456789abcdef0123456789abcdef', 'Datadog API key [secret:key]'],
    ['{"name":"DB_PASSWORD","value":"hunter2"}', '{"name":"DB_PASSWORD","value":"[secret:password]"}'],
    ['- name: API_TOKEN\n  value: abc123def456', '- name: API_TOKEN\n  value: [secret:key]'],
    ['<db:password>hunter2</db:password>', '<db:password>[secret:password]</db:password>'],
    ['<add key="ApiKey" value="abcd1234" />', '<add key="ApiKey" value="[secret:key]" />'],
    ['https://x.example/c?sv=2022&sig=Zm9vYmFy%2Bqux%3D&e=1', 'https://x.example/c?sv=2022&sig=[secret:signature]&e=1'],
    ['https://hooks.slack.com/services/T0000/B0000/XXXXXXXX', 'https://hooks.slack.com/services/[secret:slack]'],
    ['"secrets":{"token":["a","b"]}', '"secrets":{"token":["[secret:key]","[secret:key]"]}'],
    ['userPass=abc123', 'userPass=[secret:password]'],
    ['{"pw":"hunter22x"}', '{"pw":"[secret:password]"}'],
  ])('masks %s', (input, output) => expect(masked(input)).toBe(output));

  it.each([
    'password must be at least 8 characters',
    'password: must be at least 8 characters',
    'Invalid token: expected string',
    'token expired',
    'secret: ""',
    'password=${DB_PASSWORD}',
    'password: {{ vault_password }}',
    'api_key=********',
    'token=<redacted>',
    '"required":["password"]',
    '"properties":{"password":{"type":"string"}}',
    '"nextPageToken":"abc123def456"',
    '"progressToken":"abc-123"',
    '"page_token":"abc123"',
    '"total_tokens":12345678',
    'max_tokens=4096',
    'partition_key: customer_123_v2',
    '"cache_key":"user:123:profile"',
    'public_key=abcdef0123456789',
    'idempotency_key: 8f14e45f-ceea-467f-a0e6-0b7c3c1f0a11',
    'bypass=true1',
    'pass: 12 fail: 3',
    'Bearer token authentication',
    'Basic authentication failed',
    '"passwordPolicy":"strong1"',
    '"secretName":"db-creds"',
    '"authorizationUrl":"https://x"',
    'http://host:8080/a/b@c.d',
    'postgres://localhost:5432/db',
    '"value":"hunter2"',
    '"tough-cookie":"^5.0.0"',
    "console.log('password:', value)",
    'whether the cookie is `httpOnly`',
    '{"src/secret.ts":"9f86d081884c7d659a2feaa0c55ad015"}',
  ])('leaves %s', (input) => expect(masked(input)).toBe(input));
});
