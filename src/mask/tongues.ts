// Words for passwords and keys that have letters beyond ASCII, which the tree of keynames.ts does not read.
import type { NameKind } from './keynames.ts';
import type { Source } from './source.ts';

/** How far back a word is looked for; none is longer. */
const REACH = 20;
const PASSWORD =
  /(?:пароль|пароля|паролем|密码|密碼|口令|パスワード|暗証番号|비밀번호|암호|contraseña|contrasenya|hasło|hasła|parolă|jelszó|mật khẩu|κωδικός|סיסמה|סיסמא|كلمة المرور|كلمة السر|รหัสผ่าน|पासवर्ड)$/iu;
const KEY = /(?:密钥|密鑰|秘钥|秘密鍵|секретный ключ|clé (?:secrète|privée)|clé d'api|clé api)$/iu;

/** The last letters of those words that end in ASCII, for the tables that know names by their last three. */
export const ENDS_IN_ASCII = ['contraseña', 'hasło', 'hasła'];

/** What the word that ends at `end` says of its value where one of its last two letters is beyond ASCII, or undefined. */
export function foreignKind(source: Source, end: number): NameKind | undefined {
  const u = source.units;
  if ((at(u, end - 1) | at(u, end - 2)) <= 0x7f) return undefined;
  const word = source.text.slice(Math.max(0, end - REACH), end);
  if (PASSWORD.test(word)) return 'password';
  return KEY.test(word) ? 'secret' : undefined;
}

function at(u: Uint16Array, i: number): number {
  return i < 0 ? 0 : (u[i] as number);
}
