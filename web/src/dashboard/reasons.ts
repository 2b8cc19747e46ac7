import { label } from './format';

// The stable codes by which the numbering rules refuse a text, in words that help.
const reasons: Record<string, string> = {
  EMPTY: 'There is no number in it.',
  TOO_LONG_INPUT: 'This is too long to be a number.',
  TOO_MANY_NUMBERS: 'There are too many numbers in it; the rest was not read.',
  NOT_A_NUMBER: 'This is not a phone number.',
  LETTERS: 'Letters are mixed into the number.',
  TOO_SHORT: 'It has too few digits for its country.',
  TOO_LONG: 'It has too many digits for its country.',
  INVALID_LENGTH: 'No number of its country has so many digits.',
  INVALID_COUNTRY_CODE: 'It begins with no country code that is in use.',
  NO_REGION: 'It has no country code. Add one, or name the region.',
  NO_AREA: 'It is a local number. Add its area code, or name the area.',
  INVALID_FOR_REGION: 'The numbering plan of its country does not assign such a number.',
  PRECISION_LOST: 'A spreadsheet has rounded digits away, and they cannot be restored.',
  REPEATED_DIGITS: 'It is one digit over and over: a placeholder.',
  FRAGMENT: 'These are a few digits left over beside other numbers.',
};

/** Why a text is not a valid number; an unknown code as words. */
export function reasonText(code: string): string {
  return reasons[code] ?? `${label(code)}.`;
}
