import pytest

from opsbook.errors import OperatorError
from opsbook.page.sanitize import clean, text_of

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src='https://example.org/spy.png' alt='x'>",
    "<svg onload=alert(1)><circle/></svg>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href=' jAvAsCrIpT:alert(1)'>x</a>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data='x.swf'></object><embed src=x>",
    "<form action='https://example.org'><input name=a><button>go</button></form>",
    "<style>body{display:none}</style>",
    "<p style='position:fixed;inset:0'>x</p>",
    "<p onclick=alert(1) class='verdict good'>x</p>",
    "<base href='https://example.org'><link rel=stylesheet href='x.css'><meta http-equiv=refresh content=0>",
    "<details ontoggle=alert(1) open><summary>x</summary></details>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<template><script>alert(1)</script></template>",
    "<video src=x onerror=alert(1)></video><audio src=x></audio>",
    "<table background='https://example.org/spy.png'><tr><td>x</td></tr></table>",
    "<img alt='x' src='data:text/html,<script>alert(1)</script>'>",
]
FORBIDDEN = (
    "<script", "<svg", "<style", "<iframe", "<form", "<input", "<base", "<link", "<meta", "<img", "<object",
    "<template", "onerror=", "onload=", "onclick=", "ontoggle=", "javascript:", "style=",
    "example.org", "verdict", "data:",
)  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_that_runs_or_fetches_gets_through(attack):
    """No script, handler, style, frame, form or foreign address survives."""
    safe = clean(attack).lower()
    assert not [word for word in FORBIDDEN if word in safe]


def test_tables_and_headings_survive():
    """What reports need stays as it was."""
    kept = '<h3>A</h3><table><thead><tr><th scope="col" class="num">n</th></tr></thead></table><p class="note">x</p>'
    assert clean(kept) == kept


def test_a_picture_inside_the_text_stays():
    """Pictures as data with a description are kept."""
    kept = '<img src="data:image/png;base64,AAAA" alt="a &gt; b">'
    assert clean(kept) == kept


@pytest.mark.parametrize("alt", ["", " alt=''", " alt='  '"])
def test_a_picture_without_a_description_fails(alt):
    """A report with a picture that nobody described is not rendered."""
    with pytest.raises(OperatorError, match="no alternative text"):
        clean(f"<img src='data:image/png;base64,AAAA'{alt}>")


def test_text_of_html_is_words():
    """Markup goes, words and entities stay."""
    assert text_of("<h2>A &amp; <em>B</em></h2>") == "A & B"
