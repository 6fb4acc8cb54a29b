"""A new password by mail, for whoever has forgotten theirs."""

import logging
from smtplib import SMTPException
from typing import Any

from allauth.account.views import PasswordResetView
from django.conf import settings
from django.http import HttpResponse

logger = logging.getLogger(__name__)


class ResetView(PasswordResetView):  # type: ignore[misc]
    """Without a mail server it says whom to ask."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "mail_is_set_up": settings.MAIL_IS_SET_UP}

    def form_valid(self, form: Any) -> HttpResponse:
        if not settings.MAIL_IS_SET_UP:
            return self._refused(form)
        try:
            answer: HttpResponse = super().form_valid(form)
        except (SMTPException, OSError) as error:
            logger.error("a mail to reset a password could not be sent: %s", type(error).__name__)
            form.add_error(None, "The mail server doesn’t answer. Try again later, or ask your administrator.")
            return self._refused(form)
        return answer

    def _refused(self, form: Any) -> HttpResponse:
        page: HttpResponse = self.render_to_response(self.get_context_data(form=form), status=503)
        return page
