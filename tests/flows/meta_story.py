"""Deliveries of Meta's messengers, as short as they can be."""

from __future__ import annotations

from typing import Any

NUMBER, OTHER_NUMBER = "109000000000001", "109000000000002"
PHONE, USER_ID = "5511955550101", "BR.70010020030040051"


def whatsapp(
    *messages: dict[str, Any], number: str = NUMBER, field: str = "messages", **value: Any
) -> dict[str, Any]:
    """A delivery for one number."""
    content = {"metadata": {"phone_number_id": number}, "messages": list(messages), **value}
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "209000000000001", "changes": [{"field": field, "value": content}]}],
    }


def whatsapp_text(
    number: int, text: str = "Oi", *, phone: str = PHONE, user_id: str = ""
) -> dict[str, Any]:
    """One message; a person without `phone` is known by his id with the business only."""
    message: dict[str, Any] = {
        "id": f"wamid.{number}",
        "timestamp": str(1767261600 + number),
        "type": "text",
        "text": {"body": text},
    }
    if phone:
        message["from"] = phone
    if user_id:
        message["from_user_id"] = user_id
    return message


def page(
    *items: dict[str, Any], account: str = "310000000000001", product: str = "page"
) -> dict[str, Any]:
    """A delivery for one page or Instagram account."""
    return {"object": product, "entry": [{"id": account, "time": 1, "messaging": list(items)}]}


def page_item(
    account: str = "310000000000001", user: str = "6100000000000011", **more: Any
) -> dict[str, Any]:
    """Something a person did."""
    return {
        "sender": {"id": user},
        "recipient": {"id": account},
        "timestamp": 1767261600000,
    } | more
