// How far something is. The design system's own bar cannot be named.
interface Props {
  label: string;
  percent: number;
}

export function Progress({ label, percent }: Props) {
  return <progress className="progress" aria-label={label} max={100} value={percent} />;
}
