// Whether two identities are one human: nobody decides about their own calls by way of a machine, and two votes of one human are one.

interface Someone {
  readonly issuer: string;
  readonly subject: string;
  readonly email?: string | undefined;
}

/** Subjects of machines, and whose they are: the subject or e-mail address of a person of the same issuer. */
export type MachineOwners = Readonly<Record<string, string>>;

/** The same identity, whatever its e-mail address is today. */
export function samePerson(a: Someone, b: Someone): boolean {
  return a.issuer === b.issuer && a.subject === b.subject;
}

/**
 * True where both are the same identity, one is a machine of the other, or both are machines of one owner. So too where that cannot be
 * told: the owner is named by an address, and the other's token has none.
 */
export function sameHuman(a: Someone, b: Someone, owners: MachineOwners): boolean {
  if (samePerson(a, b)) return true;
  if (a.issuer !== b.issuer) return false;
  const [ownerOfA, ownerOfB] = [ownerOf(a, owners), ownerOf(b, owners)];
  if (ownerOfA !== undefined && ownerOfB !== undefined) return sameName(ownerOfA, ownerOfB) || isCalled(b, ownerOfA) || isCalled(a, ownerOfB);
  if (ownerOfA !== undefined) return mayBe(b, ownerOfA);
  return ownerOfB !== undefined && mayBe(a, ownerOfB);
}

function ownerOf({ subject }: Someone, owners: MachineOwners): string | undefined {
  return Object.hasOwn(owners, subject) ? owners[subject] : undefined;
}

function mayBe(someone: Someone, owner: string): boolean {
  return isCalled(someone, owner) || (owner.includes('@') && someone.email === undefined);
}

function isCalled({ subject, email }: Someone, name: string): boolean {
  return subject === name || (email !== undefined && sameName(email, name));
}

// Addresses by providers differ in case and mean the same.
function sameName(a: string, b: string): boolean {
  return a === b || (a.includes('@') && a.toLowerCase() === b.toLowerCase());
}
