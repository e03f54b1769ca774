"""tag, untag: put tags on companies and take them off. Intercom has one request for both, which takes several companies.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tags/createtag
"""

from __future__ import annotations

from typing import ClassVar

from ...api.client import Client
from ..fields import FieldsChange
from ..group_tags import TOGETHER, GroupTagging
from ..operation import Json
from ..tagging import ToPutOn, ToTakeOff


class _OfCompanies(GroupTagging):
    resource: ClassVar[str] = "companies"
    listed_as = "companies"
    works_unseen = True
    moves_updated_at = False  # a company shows no moment of its tags
    batch_size = undo_batch_size = TOGETHER

    def write(self, client: Client, item_id: str, have: Json, want: Json) -> Json | None:
        (wrong,) = self.write_batch(client, [FieldsChange(item_id, have, want)])
        if wrong is not None:
            raise wrong
        return None


class Tag(_OfCompanies):
    """Put tags on the company, on fifty with one request. A tag that --create-tag allows is created before the first write."""

    name: ClassVar[str] = "tag"
    summary = "Put tags on companies."
    past, unchanged, rank = "tagged", "already tagged", 1
    examples = ("--where 'spend > 1000' --tag vip --dry-run", "--ids ids.txt --tag vip", "--csv sheet.csv --tag '{{tag}}' --expect 200")
    Parameters = ToPutOn


class Untag(_OfCompanies):
    """Take tags off the company, off fifty with one request."""

    name: ClassVar[str] = "untag"
    summary = "Take tags off companies."
    past, unchanged, rank = "untagged", "already without the tag", 2
    examples = ("--where 'tag = vip' --tag vip --dry-run", "--ids ids.txt --tag vip --yes", "--from-run latest --outcome done --tag vip")
    Parameters, on = ToTakeOff, False
