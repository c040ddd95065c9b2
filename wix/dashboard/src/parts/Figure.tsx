// One number that matters, and how it was before.
interface Props {
  name: string;
  value: string;
  hint?: string;
  change?: string | undefined;
}

export function Figure({ name, value, hint, change }: Props) {
  return (
    <li className="tile">
      <h2>{name}</h2>
      <p className="value">{value}</p>
      {(change ?? hint) && <p className="quiet">{change ?? hint}</p>}
    </li>
  );
}
