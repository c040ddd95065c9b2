"""Demo designs: small drawings that `make dev` writes into the folder of downloads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_DRAWING = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 240 140" width="240mm" height="140mm">
  <title>{title}</title>
  <g fill="none" stroke="#14594c" stroke-width="1.5">{shapes}</g>
  <text x="120" y="134" font-family="sans-serif" font-size="8" text-anchor="middle">{title}, in millimetres</text>
</svg>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """A drawing in SVG."""

    file: str
    title: str
    shapes: str

    @property
    def text(self) -> str:
        """The whole file."""
        return _DRAWING.format(title=self.title, shapes=self.shapes)


BRASS_HINGE = Design(
    file="brass-hinge.svg",
    title="Brass hinge, 80 x 60",
    shapes='<path d="M40 30h70v80H40zM130 30h70v80h-70zM110 30h20v80h-20zM110 50h20M110 70h20M110 90h20"/>'
    + "".join(f'<circle cx="{x}" cy="{y}" r="4"/>' for x in (60, 180) for y in (45, 95)),
)
WALNUT_BOX = Design(
    file="walnut-box.svg",
    title="Walnut box, 180 x 90",
    shapes='<path d="M30 20h180v90H30zM40 30h160v70H40zM30 20l10 10M210 20l-10 10M30 110l10-10M210 110l-10-10"/>',
)
GARDEN_GATE = Design(
    file="garden-gate.svg",
    title="Garden gate, 200 x 100",
    shapes='<path d="M20 15h200v100H20zM20 115L220 15"/>'
    + "".join(f'<path d="M{x} 15v100"/>' for x in range(40, 220, 20)),
)
DESIGNS = (BRASS_HINGE, WALNUT_BOX, GARDEN_GATE)


def designs_folder(folder: Path) -> Path:
    """The folder of downloads, with the demo designs that are not there yet."""
    designs = folder / "designs"
    designs.mkdir(parents=True, exist_ok=True)
    for design in DESIGNS:
        file = designs / design.file
        if not file.exists():
            file.write_text(design.text, encoding="utf-8")
    return designs
