import pytest
from django.core.exceptions import ImproperlyConfigured

from project.environment import Environment


@pytest.mark.parametrize("value", ["/", "/portal/", "/team-2/desk/"])
def test_a_path_between_slashes_is_a_prefix(value: str) -> None:
    assert Environment({"URL_PREFIX": value}).prefix("URL_PREFIX") == value


def test_without_one_the_portal_has_a_host_of_its_own() -> None:
    assert Environment({"URL_PREFIX": ""}).prefix("URL_PREFIX") == "/"


@pytest.mark.parametrize(
    "value", ["portal", "/portal", "portal/", "//", "/Portal/", "/a_b/", "https://x/portal/", "/a b/"]
)
def test_anything_else_is_refused_with_the_value_and_what_is_valid(value: str) -> None:
    with pytest.raises(
        ImproperlyConfigured, match=r"URL_PREFIX is '.*'; it takes / or a path such as /portal/"
    ) as told:
        Environment({"URL_PREFIX": value}).prefix("URL_PREFIX")
    assert f"'{value}'" in str(told.value)
