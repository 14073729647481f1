"""Organizations of the settings file: which is chosen, what each inherits, and how the file is changed."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

import pytest

from rootkeeper.errors import InputError, NotFoundError, SettingsError
from rootkeeper.settings.organizations import NEVER_INHERITED, add_table, remove_table, require_name
from rootkeeper.settings.reading import load_settings
from rootkeeper.settings.sections import SUBSECTIONS, NamedOrganization, Settings

SHOP, BANK = "o-shopshop01", "o-bankbank01"
TWO = f"""
# Of both.
[windows]
approvals = 2
longest = "8h"

[ledger]
mirror = "/var/shared.jsonl"

[organizations.shop]
id = "{SHOP}"

[organizations.shop.aws]
profile = "shop"

[organizations.shop.aws.roles]
audit = "arn:aws:iam::111122223333:role/audit"

[organizations.bank]
id = "{BANK}"

[organizations.bank.windows]
approvals = 3
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


def load(path: Path, text: str, organization: str | None = None, **environment: str) -> Settings:
    path.write_text(text, encoding="utf-8")
    return load_settings(path, environment, Path("/data"), organization)


@pytest.mark.parametrize("named", ["bank", BANK])
def test_an_organization_is_chosen_by_its_name_or_its_id(path: Path, named: str) -> None:
    assert load(path, TWO, named).organization == NamedOrganization("bank", BANK)
    assert load(path, TWO, ROOTKEEPER_ORGANIZATION=named).organization == NamedOrganization("bank", BANK)


def test_the_option_wins_over_the_variable(path: Path) -> None:
    found = load(path, TWO, "shop", ROOTKEEPER_ORGANIZATION="bank").organization
    assert found == NamedOrganization("shop", SHOP)


def test_the_only_organization_needs_no_name(path: Path) -> None:
    assert load(path, f'[organizations.shop]\nid = "{SHOP}"').organization == NamedOrganization("shop", SHOP)


def test_a_file_without_organizations_names_none(path: Path) -> None:
    settings = load(path, "[windows]\napprovals = 2")
    assert settings.organization is None
    assert settings.database.url == "sqlite:////data/rootkeeper.db"


def test_of_several_organizations_one_must_be_named(path: Path) -> None:
    with pytest.raises(InputError, match="shop, bank"):
        load(path, TWO)


def test_an_unknown_organization_is_refused_with_those_that_are_there(path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        load(path, TWO, "other")
    assert caught.value.hint == "They have shop, bank."
    with pytest.raises(NotFoundError):
        load(path, TWO, "o-otherother")


def test_an_id_is_left_to_the_database_where_the_file_names_no_organizations(path: Path) -> None:
    assert load(path, "", SHOP).organization is None
    with pytest.raises(NotFoundError):
        load(path, "", "shop")


def test_its_own_table_wins_over_file_and_environment(path: Path) -> None:
    bank = load(path, TWO, "bank", ROOTKEEPER_WINDOWS_APPROVALS="1", ROOTKEEPER_WINDOWS_LONGEST="4h")
    assert bank.windows.approvals == 3
    assert bank.windows.longest.total_seconds() == 4 * 3600
    assert bank.sources["windows.approvals"] == "organizations.bank.windows.approvals"
    assert bank.sources["windows.longest"] == "ROOTKEEPER_WINDOWS_LONGEST"
    assert load(path, TWO, "shop").windows.approvals == 2


def test_p21_each_has_credentials_and_places_of_its_own(path: Path) -> None:
    shop, bank = load(path, TWO, "shop"), load(path, TWO, "bank")
    assert (shop.aws.profile, bank.aws.profile) == ("shop", "")
    assert bank.aws_roles.audit == ""
    assert shop.database.url == "sqlite:////data/organizations/shop/rootkeeper.db"
    assert bank.database.url == "sqlite:////data/organizations/bank/rootkeeper.db"
    for settings, name in ((shop, "shop"), (bank, "bank")):
        folder = Path("/data/organizations") / name
        places = (settings.ledger.mirror, settings.ledger.anchor, settings.server.key_file)
        assert {place.parent for place in (*places, settings.unlock.saved_policies)} == {folder}
        assert settings.ledger.spill == folder


def test_no_path_of_a_file_or_folder_is_inherited_but_the_memory_of_heads() -> None:
    """Its files are named after the database."""
    sections = get_type_hints(Settings)
    paths = {
        f"{SUBSECTIONS.get(section.name, section.name)}.{entry.name}"
        for section in fields(Settings)
        if section.name not in {"sources", "organization", "organization_groups"}
        for entry in fields(sections[section.name])
        if get_type_hints(sections[section.name])[entry.name] is Path
    }
    assert paths - NEVER_INHERITED == {"ledger.memory"}


def test_their_databases_are_below_the_folder_of_the_shared_file(path: Path) -> None:
    shop = load(path, TWO, "shop", ROOTKEEPER_DATABASE_URL="sqlite:////srv/rootkeeper.db")
    assert shop.database.url == "sqlite:////srv/organizations/shop/rootkeeper.db"


def test_organizations_never_share_a_database_server_s_database(path: Path) -> None:
    shared = "postgresql+psycopg://rootkeeper@db/rootkeeper"
    with pytest.raises(SettingsError) as caught:
        load(path, TWO, "shop", ROOTKEEPER_DATABASE_URL=shared)
    assert "organizations.shop.database.url" in str(caught.value.hint)
    own = f'{TWO}\n[organizations.shop.database]\nurl = "postgresql+psycopg://rootkeeper@db/shop"'
    assert load(path, own, "shop", ROOTKEEPER_DATABASE_URL=shared).database.url.endswith("/shop")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("organizations = 1", "isn't a table"),
        ("[organizations]\nshop = 1", "organizations.shop"),
        ("[organizations.shop]", "organizations.shop.id"),
        ('[organizations.shop]\nid = "shop"', "organizations.shop.id"),
        (f'[organizations.Shop]\nid = "{SHOP}"', "'Shop'"),
        (f'[organizations.a]\nid = "{SHOP}"\n[organizations.b]\nid = "{SHOP}"', "a and b"),
        (f'[organizations.shop]\nid = "{SHOP}"\n[organizations.shop.nix]\na = 1', "'organizations.shop.nix'"),
        (f'[organizations.shop]\nid = "{SHOP}"\n[organizations.shop.aws]\nnix = 1', "organizations.shop.aws.nix"),
        (
            f'[organizations.shop]\nid = "{SHOP}"\n[organizations.shop.windows]\napprovals = 99',
            "organizations.shop.windows.approvals",
        ),
    ],
)
def test_an_error_in_a_table_names_it(path: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(path, text, None)
    assert words in caught.value.message


@pytest.mark.parametrize("name", ["", "Shop", "-shop", "../shop", "shop/eu", "a" * 33, "shöp", "shop\n"])
def test_a_name_that_can_t_be_a_folder_or_an_address_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        require_name(name)


# Changing the file.


def test_a_table_is_added_below_what_was_written_there(path: Path) -> None:
    path.write_text("# Mine.\n[windows]\napprovals = 2 # two\n", encoding="utf-8")
    path.chmod(0o640)
    add_table(path, "shop", SHOP, {"profile": "shop"})
    add_table(path, "bank", BANK, {})
    assert path.read_text(encoding="utf-8").startswith("# Mine.\n[windows]\napprovals = 2 # two\n")
    assert path.stat().st_mode & 0o777 == 0o640
    shop = load_settings(path, {}, Path("/data"), "shop")
    assert (shop.aws.profile, shop.windows.approvals, shop.organization) == ("shop", 2, NamedOrganization("shop", SHOP))
    assert load_settings(path, {}, Path("/data"), "bank").organization == NamedOrganization("bank", BANK)


def test_a_new_file_is_its_owner_s_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "settings.toml"
    add_table(path, "shop", SHOP, {})
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_link_to_the_file_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.toml", tmp_path / "settings.toml"
    real.write_text("", encoding="utf-8")
    link.symlink_to(real)
    add_table(link, "shop", SHOP, {})
    assert link.is_symlink()
    assert SHOP in real.read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "organization_id"), [("shop", BANK), ("bank", SHOP)])
def test_a_name_or_an_organization_that_is_there_is_refused(path: Path, name: str, organization_id: str) -> None:
    add_table(path, "shop", SHOP, {})
    before = path.read_bytes()
    with pytest.raises(InputError, match="already"):
        add_table(path, name, organization_id, {})
    assert path.read_bytes() == before


def test_a_removed_table_leaves_the_others_and_the_comments(path: Path) -> None:
    path.write_text(TWO, encoding="utf-8")
    remove_table(path, "shop")
    text = path.read_text(encoding="utf-8")
    assert "# Of both." in text
    assert "shop" not in text.replace("/var/shared.jsonl", "")
    assert load_settings(path, {}, Path("/data")).organization == NamedOrganization("bank", BANK)
    remove_table(path, "bank")
    assert load_settings(path, {}, Path("/data")).organization is None
    with pytest.raises(NotFoundError):
        remove_table(path, "bank")


@pytest.mark.parametrize("written", [b"[organizations", b"\xff"])
def test_a_file_that_can_t_be_read_isn_t_changed(path: Path, written: bytes) -> None:
    path.write_bytes(written)
    with pytest.raises(SettingsError):
        add_table(path, "shop", SHOP, {})
    assert path.read_bytes() == written


def test_a_folder_that_can_t_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(SettingsError, match="can't be"):
        add_table(tmp_path / "file" / "settings.toml", "shop", SHOP, {})
