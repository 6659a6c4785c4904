"""What the routes refuse, for the OpenAPI document; who raises it is elsewhere."""

from common.openapi.errors import ErrorDoc, error_docs

_SLUG = ErrorDoc(409, "slug_taken", "Another product has this slug", "slug")
_SKU = ErrorDoc(409, "sku_taken", "Another product has this SKU", "sku")
_CATEGORY = ErrorDoc(422, "unknown_category", "There is no such category", "category_id")
_PARENT = _CATEGORY._replace(field="parent_id")
_CYCLE = ErrorDoc(422, "category_cycle", "A category cannot stand below itself", "parent_id")
_DEPTH = ErrorDoc(422, "tree_too_deep", "The tree is at most 10 levels deep", "parent_id")

PRODUCT = error_docs(_SLUG, _SKU, _CATEGORY)
CATEGORY = error_docs(_SLUG._replace(message="Another category has this slug"), _PARENT, _CYCLE, _DEPTH)
DELETING_CATEGORY = error_docs(
    ErrorDoc(409, "category_not_empty", "There are products in this category: move them first")
)
ADJUSTING = error_docs(ErrorDoc(409, "insufficient_stock", "Only 3 are available", "delta"))
_IMAGE = (
    ErrorDoc(413, "image_too_large", "An image has at most 10485760 bytes", "file"),
    ErrorDoc(415, "unsupported_image", "Not accepted: the file is no JPEG, PNG or WebP picture", "file"),
    ErrorDoc(422, "image_too_large", "An image has at most 40000000 pixels", "file"),
)
UPLOADING = error_docs(*_IMAGE)
ADDING_IMAGE = error_docs(ErrorDoc(409, "too_many_images", "A product has at most 20 images"), *_IMAGE)
KEEPING = error_docs(
    ErrorDoc(409, "too_many_media", "You may keep at most 200 pictures", "file"),
    ErrorDoc(409, "media_too_large", "You may keep at most 209715200 bytes", "file"),
    *_IMAGE,
)
TAKING_AWAY = error_docs(ErrorDoc(409, "product_image", "It is an image of a product: remove it there"))
SHOWING = error_docs(
    ErrorDoc(403, "invalid_signature", "The signature is not of this picture and time"),
    ErrorDoc(403, "url_expired", "The URL has expired: ask for a new one"),
)
IMPORTING = error_docs(
    ErrorDoc(422, "column_missing", "No column is known to be the title", "mapping.title"),
    ErrorDoc(422, "unreadable_file", "The file cannot be read: it is not UTF-8", "file"),
)
