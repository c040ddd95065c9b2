import { editor, widget } from '@wix/editor';
import { createClient } from '@wix/sdk';
import { useEffect, useState } from 'react';
import { ATTRIBUTES, NAMES, type Attribute } from './attributes';

const wix = createClient({ host: editor.host(), modules: { widget } });

function Field({ name }: { name: Attribute }) {
  const { label, choices } = ATTRIBUTES[name];
  const [value, setValue] = useState('');
  useEffect(() => {
    void wix.widget.getProp(name).then((found) => setValue(found ?? ''));
  }, [name]);
  const change = (text: string) => {
    setValue(text);
    void wix.widget.setProp(name, text);
  };
  return (
    <label style={{ display: 'grid', gap: 4 }}>
      {label}
      {choices ? (
        <select value={value} onChange={(event) => change(event.target.value)}>
          <option value="">As in the settings</option>
          {choices.map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      ) : (
        <input value={value} onChange={(event) => change(event.target.value)} />
      )}
    </label>
  );
}

export default function DonatePanel() {
  return (
    <form style={{ display: 'grid', gap: 16, padding: 24 }}>
      {NAMES.map((name) => (
        <Field key={name} name={name} />
      ))}
    </form>
  );
}
