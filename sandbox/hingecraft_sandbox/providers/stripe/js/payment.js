// The card form of the Payment Element.
import { answering, posted, retrieved } from './frame.js';
import { grouped, spaced, wrongIn } from './card.js';

const OPEN = ['requires_payment_method', 'requires_confirmation', 'requires_action'];
// The variables of an appearance that the form knows, as the properties of its style sheet.
const PROPERTIES = {
  borderRadius: '--radius',
  colorBackground: '--background',
  colorDanger: '--danger',
  colorPrimary: '--primary',
  colorText: '--text',
  fontFamily: '--font',
  fontSizeBase: '--size',
  spacingUnit: '--unit',
};
const fields = Object.fromEntries(['number', 'expiry', 'cvc'].map((name) => [name, document.getElementById(name)]));
let payment;

const entered = () => Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.value]));

const tell = answering({
  async begin({ key, clientSecret, ...look }) {
    payment = { key, clientSecret };
    restyle(look);
    resized();
    const { paymentIntent, error } = await retrieved(payment);
    if (error) return tell('loaderror', { error });
    if (!OPEN.includes(paymentIntent.status)) {
      const message = 'This PaymentIntent is in a terminal state and cannot be used to initialize Elements.';
      return tell('loaderror', { error: { type: 'invalid_request_error', message } });
    }
    return tell('ready');
  },
  restyle,
  focus: () => fields.number.focus(),
  async confirm({ return_url }) {
    const wrong = wrongIn(entered(), new Date());
    mark(wrong);
    if (wrong.length) {
      fields[wrong[0].field].focus();
      const { code, message } = wrong[0];
      return { error: { type: 'validation_error', code, message } };
    }
    const [month, year] = fields.expiry.value.split('/').map(Number);
    const card = {
      number: fields.number.value.replaceAll(' ', ''),
      exp_month: month,
      exp_year: 2000 + year,
      cvc: fields.cvc.value,
    };
    return posted('confirm', { ...payment, card, return_url });
  },
});

function restyle({ appearance = {} }) {
  const root = document.documentElement;
  root.dataset.theme = appearance.theme ?? 'stripe';
  for (const [name, property] of Object.entries(PROPERTIES)) {
    const value = appearance.variables?.[name];
    if (value) root.style.setProperty(property, value);
    else root.style.removeProperty(property);
  }
}

function mark(wrong) {
  for (const [name, field] of Object.entries(fields)) {
    const found = wrong.find((each) => each.field === name);
    field.setAttribute('aria-invalid', String(Boolean(found)));
    document.getElementById(`${name}-error`).textContent = found?.message ?? '';
  }
}

/** The page makes the frame as high as the form. */
function resized() {
  tell('resize', Math.ceil(document.body.getBoundingClientRect().height));
}

function changed() {
  const values = entered();
  const empty = Object.values(values).every((value) => !value);
  tell('change', { collapsed: false, complete: !wrongIn(values, new Date()).length, empty, value: { type: 'card' } });
}

fields.number.addEventListener('input', () => (fields.number.value = grouped(fields.number.value)));
fields.expiry.addEventListener('input', (event) => {
  if (!event.inputType?.startsWith('delete')) fields.expiry.value = spaced(fields.expiry.value);
});
fields.cvc.addEventListener('input', () => (fields.cvc.value = fields.cvc.value.replace(/\D/g, '').slice(0, 4)));
for (const [name, field] of Object.entries(fields)) {
  field.addEventListener('input', changed);
  field.addEventListener('focus', () => tell('focus'));
  field.addEventListener('blur', () => {
    tell('blur');
    if (field.value) mark(wrongIn(entered(), new Date()).filter((each) => each.field === name || marked(each.field)));
  });
  field.addEventListener('keydown', (event) => event.key === 'Escape' && tell('escape'));
}
const marked = (name) => fields[name].getAttribute('aria-invalid') === 'true';
document.querySelector('form').addEventListener('submit', (event) => event.preventDefault());
new ResizeObserver(resized).observe(document.body);
