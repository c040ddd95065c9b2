// The widget's style: the page's own reaches into no shadow root, and this one out of none.

export const STYLE = `
:host {
  all: initial;
  display: block;
  max-block-size: 100%;
  overflow: auto;
}
:host([hidden]), [hidden] {
  display: none !important;
}
*, *::before, *::after {
  box-sizing: border-box;
}
.frame {
  --paper: #ffffff;
  --ink: #1d2624;
  --soft: #55625f;
  --line: #cfd6d2;
  --accent: #14594c;
  --accent-ink: #ffffff;
  --accent-soft: #e3efeb;
  --bad: #9b2420;
  --warn: #6b4700;
  --warn-soft: #fdf0d0;
  color-scheme: light;
  display: grid;
  gap: 1rem;
  padding: 1rem;
  background: var(--paper);
  color: var(--ink);
  border-radius: 14px;
  font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif;
  overflow-wrap: anywhere;
}
.frame[data-theme='dark'] {
  --paper: #1b2220;
  --ink: #eaf0ee;
  --soft: #a7b5b1;
  --line: #3d4a46;
  --accent: #7ccfb9;
  --accent-ink: #0b1f1a;
  --accent-soft: #22332e;
  --bad: #ffb0a8;
  --warn: #ffd98a;
  --warn-soft: #36290e;
  color-scheme: dark;
}
.frame[data-border] {
  border: 1px solid var(--line);
}
.title {
  margin: 0;
  font: 600 1.3em/1.2 ui-serif, Georgia, 'Times New Roman', serif;
}
p {
  margin: 0;
}
.test {
  padding: 0.5em 0.75em;
  border-radius: 8px;
  background: var(--warn-soft);
  color: var(--warn);
  font-weight: 600;
}
.test:empty, .error:empty, .line:empty {
  display: none;
}
form {
  display: grid;
  gap: 1rem;
}
fieldset {
  border: 0;
  margin: 0;
  padding: 0;
  min-inline-size: 0;
}
.unseen {
  position: absolute;
  inline-size: 1px;
  block-size: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}
.presets {
  display: flex;
  flex-wrap: wrap;
  gap: 0.5rem;
}
.preset {
  position: relative;
  flex: 1 1 4.5rem;
}
.preset.other {
  flex-basis: 100%;
}
.preset input {
  position: absolute;
  inset: 0;
  inline-size: 100%;
  block-size: 100%;
  margin: 0;
  opacity: 0;
  cursor: pointer;
}
.preset span {
  display: block;
  padding: 0.55rem 0.4rem;
  min-block-size: 2.75rem;
  text-align: center;
  border: 1.5px solid var(--line);
  border-radius: 10px;
  font-weight: 600;
  font-variant-numeric: tabular-nums;
  white-space: nowrap;
}
.preset input:hover + span {
  border-color: var(--accent);
}
.preset input:checked + span {
  border-color: var(--accent);
  background: var(--accent-soft);
  box-shadow: inset 0 0 0 1px var(--accent);
}
.preset input:focus-visible + span, button:focus-visible, a:focus-visible, .own:focus-within {
  outline: 3px solid var(--accent);
  outline-offset: 2px;
}
.own {
  display: flex;
  border: 1.5px solid var(--line);
  border-radius: 10px;
  overflow: hidden;
}
.symbol {
  display: grid;
  place-items: center;
  padding-inline: 0.8rem;
  background: var(--accent-soft);
  font-weight: 600;
}
.own input {
  flex: 1;
  inline-size: 100%;
  min-inline-size: 0;
  min-block-size: 2.75rem;
  padding: 0.4rem 0.8rem;
  border: 0;
  outline: 0;
  background: transparent;
  color: inherit;
  font: inherit;
}
.error {
  color: var(--bad);
}
.give {
  inline-size: 100%;
  min-block-size: 3rem;
  padding: 0.6rem 1rem;
  border: 1px solid transparent;
  border-radius: 10px;
  background: var(--accent);
  color: var(--accent-ink);
  font: inherit;
  font-weight: 700;
  cursor: pointer;
}
.give:hover {
  filter: brightness(1.08);
}
.note, .line {
  color: var(--soft);
  font-size: 0.9em;
}
.line {
  color: var(--ink);
}
a {
  color: var(--accent);
  font-weight: 600;
}
.skeleton {
  display: grid;
  grid-template-columns: repeat(3, 1fr);
  gap: 0.5rem;
}
.skeleton span {
  block-size: 2.75rem;
  border-radius: 10px;
  background: var(--accent-soft);
}
.skeleton span:last-child {
  grid-column: 1 / -1;
  block-size: 3rem;
}
.skeleton span {
  animation: breathe 1.6s ease-in-out infinite alternate;
}
@keyframes breathe {
  to {
    opacity: 0.45;
  }
}
@media (prefers-reduced-motion: reduce) {
  .skeleton span {
    animation: none;
  }
}
@media (forced-colors: active) {
  .preset input:checked + span {
    outline: 3px solid Highlight;
  }
}
`;
