"""SWR's organizations, repositories and rules: what ``%swr VERB`` asks and does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..cloud import swr, swr_rules
from ..errors import SettingsError
from ..messages import t
from ..reference import ImageReference, parse_reference
from ..table import Table, table
from ..text import size
from .logins import account


def swr_table(verb: str, words: Sequence[str], options: Mapping[str, Any], *, region: str = "") -> Table:
    """Do ``verb`` and return the list that shows it; ``words`` stand behind it. Raises SettingsError, CloudError."""
    who = account(region)
    found = _VERBS.get(verb)
    if found is None:
        raise SettingsError(t("%swr has no “{verb}”.", verb=verb), t("There are: {known}.", known=", ".join(_VERBS)))
    least, function = found
    if len(words) < least:
        raise SettingsError(t("%swr {verb} wants more words.", verb=verb), _USAGE[verb])
    made: Table = function(who, list(words), options)
    return made


def _orgs(who: Any, words: list[str], options: Mapping[str, Any]) -> Table:
    if options.get("create"):
        swr.create_organization(who.client, str(options["create"]))
    if options.get("delete"):
        swr.delete_organization(who.client, str(options["delete"]))
    rows = [(each.name, each.creator, each.level) for each in swr.organizations(who.client)]
    return table(t("Organizations in {region}", region=who.region), (t("Name"), t("Made by"), t("This user may")), rows)


def _repos(who: Any, words: list[str], options: Mapping[str, Any]) -> Table:
    found = list(swr.repositories(who.client, words[0] if words else ""))
    rows = [
        (
            f"{each.organization}/{each.name}",
            each.tags,
            size(each.size),
            t("public") if each.public else t("private"),
            each.updated,
        )
        for each in found
    ]
    columns = (t("Repository"), t("Tags"), t("Size"), t("Seen by"), t("Changed"))
    return table(t("Repositories in {region}", region=who.region), columns, rows)


def _tags(who: Any, words: list[str], options: Mapping[str, Any]) -> Table:
    image = _name(words[0])
    rows = [(each.name, each.digest[:19], size(each.size), each.kind, each.updated)
            for each in swr.tags(who.client, image.organization, image.repository)]
    return table(image.path, (t("Tag"), t("Digest"), t("Size"), t("Manifest"), t("Changed")), rows)


def _delete(who: Any, words: list[str], options: Mapping[str, Any]) -> Table:
    image = _name(words[0])
    if image.tag:
        swr.delete_tag(who.client, image.organization, image.repository, image.tag)
        return _tags(who, [image.path], options)
    if not options.get("yes"):
        raise SettingsError(
            t("{image} has no tag: that would delete the whole repository.", image=image), t("If that is meant: add --yes.")
        )
    swr.delete_repository(who.client, image.organization, image.repository)
    return _repos(who, [image.organization], options)


def _retag(who: Any, words: list[str], options: Mapping[str, Any]) -> Table:
    image = _name(words[0])
    swr.retag(
        who.client, image.organization, image.repository, image.tag or "latest", words[1], override=bool(options.get("force"))
    )
    return _tags(who, [image.path], options)


def _share(who: Any, words: list[str], options: Mapping[str, Any]) -> Table:
    image = _name(words[0])
    if len(words) > 1 and options.get("remove"):
        swr_rules.unshare(who.client, image.organization, image.repository, words[1])
    elif len(words) > 1:
        swr_rules.share(who.client, image.organization, image.repository, words[1], str(options.get("until") or "forever"))
    rows = [(each.get("access_domain", ""), each.get("permit", ""), each.get("deadline", ""))
            for each in swr_rules.shares(who.client, image.organization, image.repository)]
    return table(t("Shares of {image}", image=image.path), (t("Account"), t("May"), t("Until")), rows)


def _permissions(who: Any, words: list[str], options: Mapping[str, Any]) -> Table:
    organization, _, repository = words[0].partition("/")
    if options.get("grant"):
        level = str(options["grant"])
        if level not in swr.LEVELS or len(words) < 3:
            raise SettingsError(t("“{level}” is no permission, or the user is missing.", level=level), _USAGE["permissions"])
        swr_rules.grant(who.client, organization, repository, words[1], words[2], level)
    elif options.get("remove") and len(words) > 1:
        swr_rules.revoke(who.client, organization, repository, words[1])
    levels = {number: name for name, number in swr.LEVELS.items()}
    rows = [(each.get("user_name", ""), levels.get(int(each.get("auth") or 0), "?"), each.get("user_id", ""))
            for each in swr_rules.permissions(who.client, organization, repository)]
    return table(t("Permissions for {image}", image=words[0]), (t("User"), t("May"), t("Id")), rows)


def _triggers(who: Any, words: list[str], options: Mapping[str, Any]) -> Table:
    image = _name(words[0])
    if options.get("remove"):
        swr_rules.delete_trigger(who.client, image.organization, image.repository, str(options["remove"]))
    elif options.get("cce"):
        trigger = _cce(str(options["cce"]))
        swr_rules.create_trigger(who.client, image.organization, image.repository, trigger)
    rows = [
        (
            each.get("name", ""),
            each.get("application", ""),
            each.get("cluster_name", ""),
            each.get("trigger_type", ""),
            each.get("enable", ""),
        )
        for each in swr_rules.triggers(who.client, image.organization, image.repository)
    ]
    columns = (t("Trigger"), t("Application"), t("Cluster"), t("On"), t("Enabled"))
    return table(t("Triggers of {image}", image=image.path), columns, rows)


def _cce(text: str) -> dict[str, str]:
    """The trigger of ``name=…,cluster_id=…,cluster_name=…,namespace=…,application=…,container=…``."""
    found = dict(part.partition("=")[::2] for part in text.split(","))
    wanted = ("name", "cluster_id", "cluster_name", "namespace", "application", "container")
    allowed = (*wanted, "kind", "condition", "condition_kind")
    if not all(found.get(name) for name in wanted) or not set(found) <= set(allowed):
        raise SettingsError(t("The trigger is not complete."), _USAGE["triggers"])
    return swr_rules.cce_trigger(**found)


def _retention(who: Any, words: list[str], options: Mapping[str, Any]) -> Table:
    image = _name(words[0])
    if options.get("remove"):
        swr_rules.delete_retention(who.client, image.organization, image.repository, str(options["remove"]))
    elif options.get("days") or options.get("keep"):
        swr_rules.retain(
            who.client,
            image.organization,
            image.repository,
            days=int(options.get("days") or 0),
            count=int(options.get("keep") or 0),
        )
    rows = []
    for each in swr_rules.retentions(who.client, image.organization, image.repository):
        rules = "; ".join(f"{rule.get('template', '')} {rule.get('params', '')}" for rule in each.get("rules") or ())
        rows.append((each.get("id", ""), rules))
    return table(t("Retention of {image}", image=image.path), (t("Id"), t("Rules")), rows)


def _sync(who: Any, words: list[str], options: Mapping[str, Any]) -> Table:
    image = _name(words[0])
    if len(words) > 2:
        swr_rules.sync(
            who.client, image.organization, image.repository, words[1], words[2], override=bool(options.get("force"))
        )
    rows = [(each.get("remoteRegionId", ""), each.get("remoteNamespace", ""), each.get("syncAuto", ""))
            for each in swr_rules.syncs(who.client, image.organization, image.repository)]
    return table(t("Copies of {image}", image=image.path), (t("Region"), t("Organization"), t("By itself")), rows)


def _quotas(who: Any, words: list[str], options: Mapping[str, Any]) -> Table:
    rows = [(each.get("quota_key", ""), each.get("used", ""), each.get("quota_limit", ""), each.get("unit", ""))
            for each in swr.quotas(who.client)]
    return table(t("SWR's quotas in {region}", region=who.region), (t("What"), t("Used"), t("Limit"), t("Unit")), rows)


def _name(text: str) -> ImageReference:
    """An image as ``organization/repository[:tag]``, with or without its host."""
    found = parse_reference(text)
    if not found.organization:
        raise SettingsError(t("“{text}” names no organization.", text=text), t("Write ORGANIZATION/NAME:TAG."))
    return found


_VERBS: dict[str, tuple[int, Any]] = {
    "orgs": (0, _orgs), "repos": (0, _repos), "tags": (1, _tags), "delete": (1, _delete), "retag": (2, _retag),
    "share": (1, _share), "permissions": (1, _permissions), "triggers": (1, _triggers), "retention": (1, _retention),
    "sync": (1, _sync), "quotas": (0, _quotas),
}
_USAGE = {
    "tags": "%swr tags ORG/NAME",
    "delete": "%swr delete ORG/NAME:TAG",
    "retag": "%swr retag ORG/NAME:TAG NEWTAG [--force]",
    "share": "%swr share ORG/NAME [ACCOUNT [--until UTC] [--remove]]",
    "permissions": "%swr permissions ORG[/NAME] [USER_ID USER_NAME --grant manage|edit|read] [USER_ID --remove x]",
    "triggers": "%swr triggers ORG/NAME [--cce name=…,cluster_id=…,cluster_name=…,namespace=…,application=…,container=…]",
    "retention": "%swr retention ORG/NAME [--days N|--keep N] [--remove ID]",
    "sync": "%swr sync ORG/NAME [REGION ORGANIZATION]",
}
