// Rules of card numbers, dates and security codes.

const digits = (text) => text.replace(/\D/g, '');

/** A number in groups of four. */
export const grouped = (text) =>
  digits(text)
    .slice(0, 19)
    .replace(/(.{4})(?=.)/g, '$1 ');

/** A date as it is printed on cards: 04 / 29. */
export function spaced(text) {
  const found = digits(/^[2-9]/.test(text) ? `0${text}` : text).slice(0, 4);
  return found.length < 2 ? found : `${found.slice(0, 2)} / ${found.slice(2)}`;
}

function luhn(number) {
  const doubled = [...number].reverse().map((digit, place) => Number(digit) * (place % 2 ? 2 : 1));
  return doubled.reduce((sum, digit) => sum + (digit > 9 ? digit - 9 : digit), 0) % 10 === 0;
}

function numberProblem(text) {
  const number = digits(text);
  if (number.length < 16) return ['incomplete_number', 'Your card number is incomplete.'];
  return luhn(number) ? null : ['invalid_number', 'Your card number is invalid.'];
}

function expiryProblem(text, now) {
  const [month, year] = [Number(digits(text).slice(0, 2)), Number(digits(text).slice(2))];
  if (digits(text).length < 4 || month < 1 || month > 12)
    return ['incomplete_expiry', 'Your card’s expiration date is incomplete.'];
  if (2000 + year < now.getFullYear()) return ['invalid_expiry_year_past', 'Your card’s expiration year is in the past.'];
  const over = 2000 + year === now.getFullYear() && month < now.getMonth() + 1;
  return over ? ['invalid_expiry_month_past', 'Your card’s expiration date is in the past.'] : null;
}

/** The problems of what was entered, in the order of the fields. */
export function wrongIn({ number, expiry, cvc }, now) {
  const problems = {
    number: numberProblem(number),
    expiry: expiryProblem(expiry, now),
    cvc: digits(cvc).length < 3 ? ['incomplete_cvc', 'Your card’s security code is incomplete.'] : null,
  };
  return Object.entries(problems)
    .filter(([, problem]) => problem)
    .map(([field, [code, message]]) => ({ field, code, message }));
}
