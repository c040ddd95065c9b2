// Giving over time, as bars of days. The same numbers are in a table, for those who do not see it and for those who want them.
import { useId, useState } from 'react';

import { money, shortDay } from '../format';
import { direction } from '../wix/place';
import { Table } from './Table';

export interface Bar {
  day: string;
  amount: number;
  count: number;
}

interface Props {
  bars: readonly Bar[];
  currency: string;
}

const WIDTH = 960;
const HEIGHT = 220;
const BELOW = 28;
const BESIDE = 76;
const LINES = 4;

/** The smallest round number from which `LINES` lines can be drawn. */
function top(bars: readonly Bar[]): number {
  const most = Math.max(1, ...bars.map(({ amount }) => amount));
  const step = most / LINES;
  const size = 10 ** Math.floor(Math.log10(step));
  const round = [1, 2, 2.5, 5, 10].find((each) => each * size >= step) ?? 10;
  return round * size * LINES;
}

export default function Chart({ bars, currency }: Props) {
  const title = useId();
  const [pointed, setPointed] = useState<Bar | null>(null);
  const most = top(bars);
  const wide = (WIDTH - BESIDE) / Math.max(1, bars.length);
  const left = (place: number) => (direction === 'rtl' ? WIDTH - BESIDE - (place + 1) * wide : BESIDE + place * wide);
  const high = (amount: number) => Math.max(0, (amount / most) * (HEIGHT - BELOW - 12));
  const every = Math.ceil(bars.length / 8);
  const text = (bar: Bar) => `${shortDay(bar.day)}: ${money(bar.amount, currency)}, ${bar.count} payments`;
  return (
    <figure className="chart">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-labelledby={title} onPointerLeave={() => setPointed(null)}>
        <title id={title}>{`Giving on each of ${bars.length} days; the table below has the numbers`}</title>
        {Array.from({ length: LINES + 1 }, (_, line) => (
          <g key={line} className="line" transform={`translate(0 ${HEIGHT - BELOW - high((most / LINES) * line)})`}>
            <line x1={direction === 'rtl' ? 0 : BESIDE} x2={direction === 'rtl' ? WIDTH - BESIDE : WIDTH} />
            <text x={direction === 'rtl' ? WIDTH - BESIDE + 8 : BESIDE - 8} textAnchor="end" dy="4">
              {money((most / LINES) * line, currency)}
            </text>
          </g>
        ))}
        {bars.map((bar, place) => (
          <g key={bar.day} onPointerEnter={() => setPointed(bar)}>
            <rect className="column" x={left(place)} y={0} width={wide} height={HEIGHT - BELOW} />
            <rect
              className={bar === pointed ? 'bar pointed' : 'bar'}
              x={left(place) + wide * 0.15}
              y={HEIGHT - BELOW - high(bar.amount)}
              width={wide * 0.7}
              height={high(bar.amount)}
              rx={Math.min(3, wide * 0.2)}
            />
            {place % every === 0 && (
              <text x={left(place) + wide / 2} y={HEIGHT - 8} textAnchor="middle">
                {shortDay(bar.day)}
              </text>
            )}
          </g>
        ))}
      </svg>
      <figcaption>
        <span aria-hidden="true">{pointed ? text(pointed) : 'Point at a day to see its numbers.'}</span>
      </figcaption>
      <details>
        <summary>Show the numbers</summary>
        <Table
          label="Giving on each day"
          head={['Day', 'Amount', 'Payments']}
          rows={bars.map((bar) => ({ key: bar.day, cells: [shortDay(bar.day), money(bar.amount, currency), bar.count] }))}
        />
      </details>
    </figure>
  );
}
