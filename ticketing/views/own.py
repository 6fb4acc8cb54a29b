from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

# Rows don't know who looks at them; these rules show one reader the buttons of
# their own comments, and where they are mentioned. It is a file, because
# the policy allows no style in a page.
RULES = """@layer utilities {{
  [data-author="{key}"] .comment__tools {{ display: flex; }}
  .mention[data-person="{key}"] {{ background: var(--accent-fill); color: var(--on-fill); }}
}}
"""


@require_safe
def own_stylesheet(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Reveals nothing and allows nothing: the views check who may."""
    response = HttpResponse(RULES.format(key=pk), content_type="text/css")
    response.headers["Cache-Control"] = "private, max-age=86400"
    return response
