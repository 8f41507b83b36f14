// Refuses file systems on which SQLite's locks and shared memory do not hold: two writers there destroy a journal.
import { statfsSync } from 'node:fs';
import { platform } from 'node:process';
import { McprecError } from '../base/errors.ts';

/** `f_type` of statfs(2) on Linux. FUSE and 9p are not here: containers and virtual machines have local disks on them. */
const networkTypes = new Map<number, string>([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x73757245, 'Coda'],
  [0x564c, 'NCP'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
  [0x01161970, 'GFS2'],
  [0x7461636f, 'OCFS2'],
]);

/** The network file system's name for an `f_type`, undefined for any other. */
export function networkType(type: number): string | undefined {
  return networkTypes.get(type >>> 0);
}

/** Throws `journal_network` where `directory` lies on a network file system. Known on Linux only. */
export function refuseNetwork(directory: string): void {
  if (platform !== 'linux') return;
  const name = networkType(statfsSync(directory).type);
  if (name !== undefined)
    throw new McprecError('journal_network', `${directory} is on a network file system (${name}), where SQLite cannot keep a journal safe`);
}
