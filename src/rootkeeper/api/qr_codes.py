"""QR codes, as SVG that a page shows as an image: no style and no script is in it."""

from __future__ import annotations

_PIXELS_PER_DOT = 4


def render_qr_svg(text: str) -> str:
    """Dark on white, so that a phone reads it in dark mode too."""
    import segno  # here, since few requests need it

    code: str = segno.make(text, micro=False).svg_inline(scale=_PIXELS_PER_DOT, dark="#000", light="#fff")
    return code.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
