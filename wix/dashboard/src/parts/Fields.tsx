// Fields of a form, each with its label, its hint, and why it was rejected.
import { FormField, Input, InputArea, ToggleSwitch } from '@wix/design-system';
import { type ReactNode, useId } from 'react';

interface Common {
  label: string;
  hint?: string | undefined;
  error?: string | undefined;
}

interface TextProps extends Common {
  value: string;
  onChange: (value: string) => void;
  type?: 'text' | 'email' | 'url';
  longest?: number;
  placeholder?: string;
}

const problem = (error: string | undefined) => (error ? { status: 'error' as const, statusMessage: error } : {});

function Hint({ id, children }: { id: string; children: ReactNode }) {
  return children ? (
    <p id={id} className="hint">
      {children}
    </p>
  ) : null;
}

interface FieldProps extends Common {
  id: string;
  children: ReactNode;
}

// A field of Wix's design system, which shows the error itself.
function WixField({ id, label, hint, error, children }: FieldProps) {
  return (
    <div className="field">
      <FormField label={label} id={id} {...problem(error)}>
        {children}
      </FormField>
      <Hint id={`${id}-hint`}>{hint}</Hint>
    </div>
  );
}

// A field of the browser, which shows the error in place of the hint.
function NativeField({ id, label, hint, error, children }: FieldProps) {
  return (
    <div className="field">
      <label className="label" htmlFor={id}>
        {label}
      </label>
      {children}
      <Hint id={`${id}-hint`}>{error ?? hint}</Hint>
    </div>
  );
}

export function TextField({ label, hint, error, value, onChange, type = 'text', longest, placeholder }: TextProps) {
  const id = useId();
  const more = { ...(longest ? { maxLength: longest } : {}), ...(placeholder ? { placeholder } : {}) };
  return (
    <WixField {...{ id, label, hint, error }}>
      <Input
        id={id}
        type={type}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        ariaDescribedby={`${id}-hint`}
        {...more}
      />
    </WixField>
  );
}

export function LongTextField({ label, hint, error, value, onChange, longest, placeholder }: TextProps) {
  const id = useId();
  const more = { ...(longest ? { maxLength: longest } : {}), ...(placeholder ? { placeholder } : {}) };
  return (
    <WixField {...{ id, label, hint, error }}>
      <InputArea id={id} value={value} rows={3} onChange={(event) => onChange(event.target.value)} {...more} />
    </WixField>
  );
}

interface ChoiceProps extends Common {
  value: string;
  onChange: (value: string) => void;
  choices: readonly (readonly [value: string, label: string])[];
}

export function ChoiceField({ label, hint, error, value, onChange, choices }: ChoiceProps) {
  const id = useId();
  return (
    <NativeField {...{ id, label, hint, error }}>
      <select id={id} value={value} onChange={(event) => onChange(event.target.value)} aria-describedby={`${id}-hint`}>
        {choices.map(([name, text]) => (
          <option key={name} value={name}>
            {text}
          </option>
        ))}
      </select>
    </NativeField>
  );
}

interface SwitchProps {
  label: string;
  isOn: boolean;
  onChange: (isOn: boolean) => void;
}

export function SwitchField({ label, isOn, onChange }: SwitchProps) {
  const id = useId();
  return (
    <div className="field switch">
      <ToggleSwitch id={id} checked={isOn} onChange={() => onChange(!isOn)} />
      <label htmlFor={id}>{label}</label>
    </div>
  );
}

export function ColorField({ label, hint, error, value, onChange }: TextProps) {
  const id = useId();
  return (
    <NativeField {...{ id, label, hint, error }}>
      <input
        id={id}
        className="native"
        type="color"
        value={value}
        onChange={(event) => onChange(event.target.value)}
        aria-describedby={`${id}-hint`}
      />
    </NativeField>
  );
}

interface DayProps extends Common {
  value: string;
  onChange: (value: string) => void;
}

export function DayField({ label, value, onChange }: DayProps) {
  const id = useId();
  return (
    <NativeField id={id} label={label}>
      <input id={id} className="native" type="date" value={value} onChange={(event) => onChange(event.target.value)} />
    </NativeField>
  );
}
