// Which hosts are this machine and can be no other.
import { BlockList, isIP } from 'node:net';

const addresses = new BlockList();
addresses.addSubnet('127.0.0.0', 8, 'ipv4');
addresses.addAddress('::1', 'ipv6');

/** True where `hostname`, as `URL.hostname` gives it, can only be this machine. Source: RFC 6761 §6.3 for names, RFC 1122 and RFC 4291 for addresses. */
export function isLoopback(hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, '');
  const family = isIP(bare);
  if (family === 0) return bare === 'localhost' || bare.endsWith('.localhost');
  return addresses.check(bare, family === 4 ? 'ipv4' : 'ipv6');
}
