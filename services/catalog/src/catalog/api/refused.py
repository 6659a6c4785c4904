"""What the routes refuse, for the OpenAPI document; who raises it is elsewhere."""

from common.web.refusals import Refusal, refusing

_SLUG = Refusal(409, "slug_taken", "Another product has this slug", "slug")
_SKU = Refusal(409, "sku_taken", "Another product has this SKU", "sku")
_CATEGORY = Refusal(422, "unknown_category", "There is no such category", "category_id")
_PARENT = _CATEGORY._replace(field="parent_id")
_CYCLE = Refusal(422, "category_cycle", "A category cannot stand below itself", "parent_id")
_DEPTH = Refusal(422, "tree_too_deep", "The tree is at most 10 levels deep", "parent_id")

PRODUCT = refusing(_SLUG, _SKU, _CATEGORY)
CATEGORY = refusing(_SLUG._replace(message="Another category has this slug"), _PARENT, _CYCLE, _DEPTH)
DELETING_CATEGORY = refusing(Refusal(409, "category_not_empty", "There are products in this category: move them first"))
ADJUSTING = refusing(Refusal(409, "insufficient_stock", "Only 3 are available", "delta"))
_IMAGE = (
    Refusal(413, "image_too_large", "An image has at most 10485760 bytes", "file"),
    Refusal(415, "unsupported_image", "Not accepted: the file is no JPEG, PNG or WebP picture", "file"),
    Refusal(422, "image_too_large", "An image has at most 40000000 pixels", "file"),
)
UPLOADING = refusing(*_IMAGE)
ADDING_IMAGE = refusing(Refusal(409, "too_many_images", "A product has at most 20 images"), *_IMAGE)
KEEPING = refusing(
    Refusal(409, "too_many_media", "You may keep at most 200 pictures", "file"),
    Refusal(409, "media_too_large", "You may keep at most 209715200 bytes", "file"),
    *_IMAGE,
)
TAKING_AWAY = refusing(Refusal(409, "product_image", "It is an image of a product: remove it there"))
SHOWING = refusing(
    Refusal(403, "invalid_signature", "The signature is not of this picture and time"),
    Refusal(403, "url_expired", "The URL has expired: ask for a new one"),
)
IMPORTING = refusing(
    Refusal(422, "column_missing", "No column is known to be the title", "mapping.title"),
    Refusal(422, "unreadable_file", "The file cannot be read: it is not UTF-8", "file"),
)
