// A process that locks a journal, says so, and lets go of it after a while: `node locker-child.ts PATH MS`.
import { writeSync } from 'node:fs';
import Database from 'better-sqlite3';

const [path = '', ms = '0'] = process.argv.slice(2);
const db = new Database(path);
db.exec('BEGIN IMMEDIATE');
writeSync(1, 'locked\n');
setTimeout(() => {
  db.exec('COMMIT');
  db.close();
}, Number(ms));
