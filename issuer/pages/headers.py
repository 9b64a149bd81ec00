"""The headers that every page bears: nothing from elsewhere, in no frame, kept by nobody."""

from typing import Final

from flask import Response
from secure import (
    CacheControl,
    ContentSecurityPolicy,
    CrossOriginOpenerPolicy,
    CrossOriginResourcePolicy,
    PermissionsPolicy,
    ReferrerPolicy,
    Secure,
    XContentTypeOptions,
    XFrameOptions,
)

_UNUSED_FEATURES: Final = (
    "camera",
    "display-capture",
    "geolocation",
    "microphone",
    "midi",
    "payment",
    "usb",
)


class PageHeaders:
    """Puts the headers on pages."""

    def __init__(self) -> None:
        self._secure = Secure(
            csp=_content_policy(),
            cache=CacheControl().no_store(),
            coop=CrossOriginOpenerPolicy().same_origin(),
            corp=CrossOriginResourcePolicy().same_origin(),
            permissions=_permissions_policy(),
            # Our own pages may learn where somebody came from, nobody else does.
            referrer=ReferrerPolicy().same_origin(),
            xcto=XContentTypeOptions().nosniff(),
            xfo=XFrameOptions().deny(),
        )

    def put_on(self, response: Response) -> None:
        """Put the headers on a page."""
        self._secure.set_headers(response)


def _content_policy() -> ContentSecurityPolicy:
    return (
        ContentSecurityPolicy()
        .default_src("'none'")
        .script_src("'self'")
        .style_src("'self'")
        .img_src("'self'", "data:")
        .font_src("'self'")
        .connect_src("'self'")
        .form_action("'self'")
        .frame_ancestors("'none'")
        .base_uri("'none'")
    )


def _permissions_policy() -> PermissionsPolicy:
    policy = PermissionsPolicy()
    for feature in _UNUSED_FEATURES:
        policy = policy.add_directive(feature)
    return policy
