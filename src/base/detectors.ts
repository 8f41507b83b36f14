// The detectors that a policy can name: the schema of gateway.yaml and the masking engine must know the same ones.

export const detectorNames = ['secrets', 'email', 'phone', 'card', 'iban', 'ssn', 'ip', 'address', 'person'] as const;
export type DetectorName = (typeof detectorNames)[number];

/** What a policy that says nothing gets; `address` and `person` are best effort and must be asked for. */
export const detectorsDefault = ['secrets', 'email', 'phone', 'card', 'iban', 'ssn', 'ip'] as const satisfies readonly DetectorName[];

/** What becomes of a named field. */
export const fieldActions = ['redact', 'pseudonym', 'drop'] as const;
export type FieldAction = (typeof fieldActions)[number];

/** Where masks apply: what is recorded, answers on their way to the client, requests on their way to the upstream. */
export const maskPlaces = ['record', 'client', 'upstream'] as const;
export type MaskPlace = (typeof maskPlaces)[number];
