// Giving over time, as bars of days. The same numbers are in a table, for those who do not see it and for those who want them.
import { useEffect, useId, useRef, useState } from 'react';

import { counted, money, shortDay } from '../format';
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

const HEIGHT = 220;
const BELOW = 28;
const BESIDE = 76;
const LINES = 4;
// As wide as a date with some room.
const LABEL = 90;
const AT_FIRST = 960;

/** The smallest round number from which `LINES` lines can be drawn. */
function top(bars: readonly Bar[]): number {
  const most = Math.max(1, ...bars.map(({ amount }) => amount));
  const step = most / LINES;
  const size = 10 ** Math.floor(Math.log10(step));
  const round = [1, 2, 2.5, 5, 10].find((each) => each * size >= step) ?? 10;
  return round * size * LINES;
}

/** The width of what holds the chart, so that its texts are as large as all others. */
function useWidth() {
  const place = useRef<HTMLElement>(null);
  const [width, setWidth] = useState(AT_FIRST);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => entry && setWidth(Math.floor(entry.contentRect.width)));
    if (place.current) observer.observe(place.current);
    return () => observer.disconnect();
  }, []);
  return [place, width] as const;
}

export default function Chart({ bars, currency }: Props) {
  const title = useId();
  const [pointed, setPointed] = useState<Bar | null>(null);
  const most = top(bars);
  const [place, width] = useWidth();
  const wide = (width - BESIDE) / Math.max(1, bars.length);
  const left = (day: number) => (direction === 'rtl' ? width - BESIDE - (day + 1) * wide : BESIDE + day * wide);
  const high = (amount: number) => Math.max(0, (amount / most) * (HEIGHT - BELOW - 12));
  const every = Math.ceil(bars.length / Math.max(2, Math.floor(width / LABEL)));
  const text = (bar: Bar) => `${shortDay(bar.day)}: ${money(bar.amount, currency)}, ${counted(bar.count, 'payment')}`;
  return (
    <figure className="chart" ref={place}>
      <svg width={width} height={HEIGHT} role="img" aria-labelledby={title} onPointerLeave={() => setPointed(null)}>
        <title id={title}>{`Giving on each of ${bars.length} days; the table below has the numbers`}</title>
        {Array.from({ length: LINES + 1 }, (_, line) => (
          <g key={line} className="line" transform={`translate(0 ${HEIGHT - BELOW - high((most / LINES) * line)})`}>
            <line x1={direction === 'rtl' ? 0 : BESIDE} x2={direction === 'rtl' ? width - BESIDE : width} />
            <text x={direction === 'rtl' ? width - BESIDE + 8 : BESIDE - 8} textAnchor="end" dy="4">
              {money((most / LINES) * line, currency)}
            </text>
          </g>
        ))}
        {bars.map((bar, day) => (
          <g key={bar.day} onPointerEnter={() => setPointed(bar)}>
            <rect className="column" x={left(day)} y={0} width={wide} height={HEIGHT - BELOW} />
            <rect
              className={bar === pointed ? 'bar pointed' : 'bar'}
              x={left(day) + wide * 0.15}
              y={HEIGHT - BELOW - high(bar.amount)}
              width={wide * 0.7}
              height={high(bar.amount)}
              rx={Math.min(3, wide * 0.2)}
            />
            {day % every === 0 && (
              <text x={left(day) + wide / 2} y={HEIGHT - 8} textAnchor="middle">
                {shortDay(bar.day)}
              </text>
            )}
          </g>
        ))}
      </svg>
      <figcaption>
        <span aria-hidden="true">{pointed ? text(pointed) : 'Choose a day to see its numbers.'}</span>
      </figcaption>
      <details>
        <summary>Show the numbers</summary>
        <Table
          label="Giving on each day"
          head={['Day', 'Amount', 'Payments']}
          numbers={['Amount', 'Payments']}
          rows={bars.map((bar) => ({ key: bar.day, cells: [shortDay(bar.day), money(bar.amount, currency), bar.count] }))}
        />
      </details>
    </figure>
  );
}
