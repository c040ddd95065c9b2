// Loads the backend's widget, and passes on what the owner has chosen in the panel.
import { BACKEND } from '../backend';
import { NAMES } from './attributes';

const SCRIPT = `${BACKEND}/widget/hingecraft-donate.js`;

function loadWidget(): void {
  if (document.querySelector(`script[src="${SCRIPT}"]`)) return;
  const script = document.createElement('script');
  script.src = SCRIPT;
  script.async = true;
  document.head.append(script);
}

export default class Donate extends HTMLElement {
  static observedAttributes = NAMES;
  private readonly form = document.createElement('hingecraft-donate');

  connectedCallback(): void {
    loadWidget();
    this.form.setAttribute('api', BACKEND);
    if (!this.form.isConnected) this.append(this.form);
  }

  attributeChangedCallback(name: string, _before: string | null, value: string | null): void {
    if (value) this.form.setAttribute(name, value);
    else this.form.removeAttribute(name);
  }
}
