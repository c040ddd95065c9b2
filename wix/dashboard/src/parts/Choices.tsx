// One of a few, side by side.
interface Props {
  label: string;
  choices: Readonly<Record<string, string>>;
  chosen: string | number;
  choose: (name: string) => void;
}

export function Choices({ label, choices, chosen, choose }: Props) {
  return (
    <fieldset className="choices">
      <legend className="unseen">{label}</legend>
      {Object.entries(choices).map(([name, text]) => (
        <label key={name}>
          <input type="radio" name={label} checked={String(chosen) === name} onChange={() => choose(name)} />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  );
}
