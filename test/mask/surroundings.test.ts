// Values where engineers meet them: configuration, SQL, tables, plans, commands, code, other languages. And what looks the same there and stays.
import { describe, expect, it } from 'vitest';
import { seeded } from '../eval/random.ts';
import { masked, record } from './maskers.ts';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const random = (length: number, seed = 5): string => seeded(seed).text(LETTERS, length);

describe('names of secrets', () => {
  it.each([
    ['пароль: kestrel216x', 'пароль: [secret:password]'],
    ['密码：Munich258x', '密码：[secret:password]'],
    ['contraseña: Winter844Qz', 'contraseña: [secret:password]'],
    ['lösenord = Zebra65003Qz', 'lösenord = [secret:password]'],
    ['wachtwoord: Zebra9784x', 'wachtwoord: [secret:password]'],
    ['mot de passe\u00a0: Zebra9784x', 'mot de passe\u00a0: [secret:password]'],
    ['Das Passwort lautet Zebra9784x, bitte ändern', 'Das Passwort lautet [secret:password], bitte ändern'],
    ['Das Passwort ist falsch', 'Das Passwort ist falsch'],
    ['make it "Zebra65003Qz" and lt "5.006001x"', 'make it "Zebra65003Qz" and lt "5.006001x"'],
    ['the password is incorrect', 'the password is incorrect'],
    ['ENV DB_PASSWORD dragon00568x', 'ENV DB_PASSWORD [secret:password]'],
    ['setx DB_PASSWORD "Zebra345vw"', 'setx DB_PASSWORD "[secret:password]"'],
    ['keytool -storepass Winter387x -list', 'keytool -storepass [secret:password] -list'],
    ['subject= dckr_pat_i4OjRCIVkllHibkMiSzjNk7NsPw attempt=3', 'subject= [secret:docker] attempt=3'],
    ['failed password user=bob12', 'failed password user=bob12'],
    ['requirepass Winter387x', 'requirepass [secret:password]'],
    ["curl -b 'sid=0a1b2c' https://x.example", "curl -b '[secret:cookie]' https://x.example"],
    ['const getCookie = (c) => a === b;', 'const getCookie = (c) => a === b;'],
    ['req.cookies = new Cookies(a, { keys: k = 1 })', 'req.cookies = new Cookies(a, { keys: k = 1 })'],
    ['SMTP_PASS=iTnkMIZuaXouWEFQ', 'SMTP_PASS=[secret:password]'],
    ['PASS=iTnkMIZuaXouWEFQ', 'PASS=[secret:password]'],
    ['PASS: test_login', 'PASS: test_login'],
    ['PWD=/home/app', 'PWD=/home/app'],
    ['password = var.db_password', 'password = var.db_password'],
    ['const password = req.body.password;', 'const password = req.body.password;'],
    ['password = os.environ["DB_PASSWORD"]', 'password = os.environ["DB_PASSWORD"]'],
    ['password=$ecret123', 'password=[secret:password]'],
    ['password=$DB_PASSWORD', 'password=$DB_PASSWORD'],
    [`"primaryKey": "${random(86)}=="`, '"primaryKey": "[secret:key]"'],
    ['public_key=XYXLYkf31HxXBqtygmQuOhC+qWTespDH94Av2BWCyTt=', 'public_key=XYXLYkf31HxXBqtygmQuOhC+qWTespDH94Av2BWCyTt='],
    ['Fastly-Key: RHjb6Ryv6G2OSDaDmOlj6jtPz01ZkNZH', 'Fastly-Key: [secret:key]'],
    ['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ5jZQ9Ab==', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ5jZQ9Ab=='],
    ['password_hash: $argon2id$v=19$m=65536,t=3,p=4$SzvWsEW8DXxt$VoG6mr78TB1F', 'password_hash: [secret:password]'],
  ])('reads %s', (input, output) => expect(masked(input)).toBe(output));
});

describe('configuration and code', () => {
  it.each([
    ['user:\n  password: |\n    Sommer14x\n', 'user:\n  password: |\n    [secret:password]\n'],
    ['password: !vault |\n', 'password: !vault |\n'],
    ['~ password = "old-One-1" -> "new-One-2"', '~ password = "[secret:password]" -> "[secret:password]"'],
    [
      '{"master_password":{"sensitive":true,"type":"string","value":"Zebra692vw"},"port":{"value":"5432"}}',
      '{"master_password":{"sensitive":true,"type":"string","value":"[secret:password]"},"port":{"value":"5432"}}',
    ],
    ['<property name="hibernate.connection.password">Zebra692vw</property>', '<property name="hibernate.connection.password">[secret:password]</property>'],
    ['<property name="hibernate.dialect">Zebra692vw</property>', '<property name="hibernate.dialect">Zebra692vw</property>'],
    ['requests.get(url, auth=("bob@x.example", "Zebra692vw"))', 'requests.get(url, auth=("[email]", "[secret:password]"))'],
    ['new NetworkCredential("bob", "Zebra692vw")', 'new NetworkCredential("bob", "[secret:password]")'],
    ["SET PASSWORD FOR 'root'@'%' = PASSWORD('Zebra692vw')", "SET PASSWORD FOR 'root'@'%' = PASSWORD('[secret:password]')"],
    ['ConvertTo-SecureString "Lima9362vw" -AsPlainText -Force', 'ConvertTo-SecureString "[secret:password]" -AsPlainText -Force'],
    ["echo 'Lima9362vw' | docker login -u ci --password-stdin", "echo '[secret:password]' | docker login -u ci --password-stdin"],
    ['echo "$TOKEN_CI" | docker login --password-stdin', 'echo "$TOKEN_CI" | docker login --password-stdin'],
    ["this.password('required', 'too short')", "this.password('required', 'too short')"],
    ['git clone ssh://git@github.com/acme/app.git', 'git clone ssh://git@github.com/acme/app.git'],
  ])('reads %s', (input, output) => expect(masked(input)).toBe(output));

  it('is the same in JSON in a string', () => {
    const out = masked(JSON.stringify({ body: '<property name="db.password">Zebra692vw</property>\n\t2001:db8::1\tok' }), record);
    expect(JSON.parse(out)).toEqual({ body: '<property name="db.password">[secret:password]</property>\n\t[ip]\tok' });
  });
});

describe('tables', () => {
  it.each([
    [
      "INSERT INTO users (name, password, email) VALUES ('bob', 'Zebra692vw', 'b@c.example'), ('eve', 'o''hara77', NULL);",
      "INSERT INTO users (name, password, email) VALUES ('bob', '[secret:password]', '[email]'), ('eve', '[secret:password]', NULL);",
    ],
    ["insert into t (id, api_token) values (1, '')", "insert into t (id, api_token) values (1, '')"],
    ["INSERT INTO posts (id, title) VALUES (1, 'password, token')", "INSERT INTO posts (id, title) VALUES (1, 'password, token')"],
    ['name,password,role\nbob,Zebra692vw,ops\neve,"a b, c",dev\n', 'name,password,role\nbob,[secret:password],ops\neve,"[secret:password]",dev\n'],
    [
      'the continents you pass, or, as defined\nby name. It pings, each mirror, up to it',
      'the continents you pass, or, as defined\nby name. It pings, each mirror, up to it',
    ],
    ['forgot your password, or lost it?\nsee page 3, below\n', 'forgot your password, or lost it?\nsee page 3, below\n'],
  ])('reads %s', (input, output) => expect(masked(input)).toBe(output));

  it('reads a table in a JSON string', () => {
    const out = masked(JSON.stringify({ text: 'name,password,role\nbob,Zebra692vw,ops' }), record);
    expect(JSON.parse(out)).toEqual({ text: 'name,password,role\nbob,[secret:password],ops' });
  });
});

describe('formats', () => {
  it.each([
    ['a session token of AWS', `IQoJb3JpZ2luX2VjE${random(200)}==`, 'aws'],
    ['an access id of Google Cloud Storage', `GOOG1E${random(200).toUpperCase().slice(0, 55)}`, 'gcp'],
    ['a storage key of Azure', `${random(76)}+ASt${random(5)}A==`, 'azure'],
    ['a key of Event Hubs', `${random(33)}+AEh${random(6)}=`, 'azure'],
    ['a key of Azure Search', `${random(42)}AzSeB${random(5)}`, 'azure'],
    ['a key of Azure Functions', `${random(44)}AzFu${random(5)}Q==`, 'azure'],
    ['a rotated token of Slack', `xoxe.xoxp-1-${random(160)}`, 'slack'],
    ['a private key in Base64', Buffer.from(`-----BEGIN RSA PRIVATE KEY-----\n${random(600)}`).toString('base64'), 'pem'],
    ['a token of Harness', `pat.${random(22)}.0123456789abcdef01234567.${random(20)}`, 'harness'],
  ])('masks %s', (_, value, name) => expect(masked(`try ${value} now`)).toBe(`try [secret:${name}] now`));

  it('masks a long token behind the word to its end', () => expect(masked(`token ${random(700)}, again`)).toBe('token [secret:key], again'));
  it('leaves a certificate in Base64', () => {
    const certificate = Buffer.from(`-----BEGIN CERTIFICATE-----\n${random(600)}`).toString('base64');
    expect(masked(`ca: ${certificate}`)).toBe(`ca: ${certificate}`);
  });
});

describe('numbers', () => {
  it.each([
    ['charged 6071 5915 6842 5622 today', 'charged [card] today'],
    ['charged 4330 3935 9365 9 today', 'charged [card] today'],
    ['ref 6071 5915 6842 5623', 'ref 6071 5915 6842 5623'],
    ['4E97 6071 5915 6842 5622 3437', '4E97 6071 5915 6842 5622 3437'],
    ['5B55 6071 5915 6842 5622', '5B55 6071 5915 6842 5622'],
    ['row 0000 0000 0000 0000', 'row 0000 0000 0000 0000'],
    ['card=4111+1111+1111+1111&x=1', 'card=[card]&x=1'],
    ['card=4111%201111%201111%201111', 'card=[card]'],
    ['iban=DE89+3704+0044+0532+0130+00', 'iban=[iban]'],
    ['IBANDE89370400440532013000', 'IBAN[iban]'],
    ['PK36SCBL0000001123456702', '[iban]'],
    ['phone=+1+415+555+2671', 'phone=[phone]'],
    ['phone=%2B44%2020%207946%200958', 'phone=%2B[phone]'],
    ['телефон: 8 495 123 45 67', 'телефон: [phone]'],
    ['手机：13800138000', '手机：[phone]'],
    ['móvil 612345678', 'móvil [phone]'],
    ['llámame al 612 345 678', 'llámame al [phone]'],
    ['ph 415 555 2671', 'ph [phone]'],
    ['pod image-gpph8txeng-xrrcr gone, node ip-10-205-159-211.ec2.internal', 'pod image-gpph8txeng-xrrcr gone, node ip-10-205-159-211.ec2.internal'],
    ['Telefonnummer 08-123 456 78', 'Telefonnummer [phone]'],
    ['2026-11-02 10:11:30.865 from 12::3:45 ok', '2026-11-02 10:11:30.865 from [ip] ok'],
    ['2026-11-02 10:11:30 10:11:30:1::1 ok', '2026-11-02 10:11:30 [ip] ok'],
    ['udp 2001:DB8:0:0:8:800:200C:417A:53', 'udp [ip]:53'],
    ['08:00:27:00:25:3c:11:22:33', '08:00:27:00:25:3c:11:22:33'],
  ])('reads %s', (input, output) => expect(masked(input)).toBe(output));

  it('finds a card behind a word in JSON in JSON', () => {
    const out = masked(JSON.stringify({ q: JSON.stringify({ body: 'card_3548659370666808' }) }), record);
    expect(out).toBe('{"q":"{\\"body\\":\\"card_[card]\\"}"}');
  });
});
