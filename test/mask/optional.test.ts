// The opt-in detectors: people and addresses, where something announces them.
import { describe, expect, it } from 'vitest';
import { compileMasker } from '../../src/mask/compile.ts';
import { defaults, masked, record, text } from './maskers.ts';

const everything = compileMasker({ detectors: [...defaults, 'person', 'address'], fields: [] });

describe('person', () => {
  it.each([
    ['My name is Anna de la Cruz, hello', 'My name is [person], hello'],
    ['Dear Mr. Szöllösy,', 'Dear Mr. [person],'],
    ['Dr. Jean-Luc O’Neill called', 'Dr. [person] called'],
    ['assigned to Priya Khan on Monday', 'assigned to [person] on Monday'],
  ])('masks %s', (input, output) => expect(masked(input, text, everything)).toBe(output));

  it('masks fields named for one, at any depth', () => {
    const input = JSON.stringify({ first_name: 'li', t: JSON.stringify({ lastName: 'wang', service_name: 'api' }) });
    expect(masked(input, record, everything)).toBe('{"first_name":"[person]","t":"{\\"lastName\\":\\"[person]\\",\\"service_name\\":\\"api\\"}"}');
  });

  it.each(['My name is lower case', 'This is the end', 'Service Checkout Started', 'hostname="web-1"'])('leaves %s', (input) =>
    expect(masked(input, text, everything)).toBe(input),
  );
});

describe('address', () => {
  it.each([
    ['ship to 1600 Pennsylvania Avenue NW today', 'ship to [address] today'],
    ['at 12 Main St., Apt 4, Springfield, IL 62701 now', 'at [address] now'],
    ['Hauptstraße 12a, 10115 Berlin', '[address]'],
    ['24 rue de la Paix, 75002 Paris', '[address]'],
    ['P.O. Box 123', '[address]'],
    ['London SW1A 1AA', 'London [address]'],
    ['{"street_address":"Puruntie 82"}', '{"street_address":"[address]"}'],
  ])('masks %s', (input, output) => expect(masked(input, text, everything)).toBe(output));

  it.each(['12 monkeys', 'took 5 ms to drive', '{"address":"0x1234"}'])('leaves %s', (input) => {
    expect(masked(input, text, everything)).toBe(input);
  });
});

it('asks for neither by default', () => {
  expect(masked('My name is Anna Smith, 12 Main Street')).toBe('My name is Anna Smith, 12 Main Street');
});

it('masks twice as once', () => {
  const input = 'Dear Mr. Smith, bob@example.com lives at 12 Main Street, London SW1A 1AA; my name is Anna';
  const once = masked(input, text, everything);
  expect(masked(once, text, everything)).toBe(once);
});
