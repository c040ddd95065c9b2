// A small table; on a phone each row is a card, in which every cell says what it is.
import type { ReactNode } from 'react';

interface Props {
  /** What the table is about, for those who do not see it. */
  label: string;
  head: readonly string[];
  /** The columns of numbers, by their name. */
  numbers?: readonly string[];
  rows: readonly { key: string; cells: readonly ReactNode[] }[];
}

export function Table({ label, head, numbers = [], rows }: Props) {
  const kindOf = (name: string | undefined) => (numbers.includes(name ?? '') ? 'number' : undefined);
  return (
    <table className="table">
      <caption className="unseen">{label}</caption>
      <thead>
        <tr>
          {head.map((name) => (
            <th key={name} scope="col" className={kindOf(name)}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ key, cells }) => (
          <tr key={key}>
            {cells.map((cell, place) => (
              <td key={head[place]} data-name={head[place]} className={kindOf(head[place])}>
                {cell}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
