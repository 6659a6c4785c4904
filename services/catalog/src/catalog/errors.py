"""The errors of catalog, by feature."""

from common.errors import Conflict, Invalid, NotFound


class SlugTaken(Conflict):
    code, field = "slug_taken", "slug"
    message = "This slug is in use"


class UnknownCategory(Invalid):
    code, field = "unknown_category", "category_id"
    message = "There is no such category"


# Categories


class CategoryNotFound(NotFound):
    """There is no such category."""


class CategoryNameTaken(Conflict):
    """Names are compared without case, and after Unicode normalisation."""

    code, field = "category_name_taken", "name"
    message = "Another category below the same parent has this name"


class UnknownParent(UnknownCategory):
    field = "parent_id"


class CategoryCycle(Invalid):
    code, field = "category_cycle", "parent_id"
    message = "A category cannot be below itself"


class TreeTooDeep(Invalid):
    code, field = "tree_too_deep", "parent_id"
    message = "The category tree has too many levels"


class CategoryNotEmpty(Conflict):
    code = "category_not_empty"
    message = "The category has subcategories or products: move them first"


# Products and stock


class UnknownCategoryFilter(UnknownCategory):
    """A filter by a category that does not exist: with a typo, a shop would look empty."""

    field = "category"


class ProductNotFound(NotFound):
    """There is no such product."""


class SkuTaken(Conflict):
    code, field = "sku_taken", "sku"
    message = "Another product has this SKU"


class ExternalKeyTaken(Conflict):
    code, field = "external_key_taken", "external_key"
    message = "Another product has this external key"


class InsufficientStock(Conflict):
    """`detail` has what is available."""

    code, field = "insufficient_stock", "delta"
    message = "Fewer units are available"


class EmptyAdjustment(Invalid):
    code, field = "empty_adjustment", "delta"
    message = "An adjustment adds or takes at least one unit"


# Media


class ImageNotFound(NotFound):
    """There is no such image."""


class VariantNotFound(NotFound):
    """There is no such picture, or it is not ready yet."""


class ImageFileTooLarge(Invalid):
    """The file has more bytes than an image may have."""

    status = 413
    code, field = "image_too_large", "file"
    message = "The image has too many bytes"


class ImageTooLarge(Invalid):
    """The picture has more pixels than an image may have."""

    code, field = "image_too_large", "file"
    message = "The image has too many pixels"


class UnsupportedImage(Invalid):
    status = 415
    code, field = "unsupported_image", "file"
    message = "The file is not a JPEG, PNG or WebP image"


class TooManyImages(Conflict):
    code = "too_many_images"
    message = "The product has too many images"


class TooManyMedia(Conflict):
    code, field = "too_many_media", "file"
    message = "You have too many pictures"


class MediaTooLarge(Conflict):
    code, field = "media_too_large", "file"
    message = "Your pictures have too many bytes"


class UsedByProduct(Conflict):
    code = "product_image"
    message = "This is an image of a product: remove it there"


# Imports


class UnreadableFile(Invalid):
    code, field = "unreadable_file", "file"
    message = "The file cannot be read"


class FileMissing(Invalid):
    code, field = "missing", "file"
    message = "A file is needed"


class MalformedMapping(Invalid):
    code, field = "malformed_json", "mapping"
    message = "The mapping is not a JSON object"


class ColumnMissing(Invalid):
    """No column of the file is known to be a required field."""

    code, field = "column_missing", "mapping.title"
    message = "No column is known to be the title"


class UnknownField(Invalid):
    """The mapping names a field that products do not have."""

    code, field = "unknown_field", "mapping.colour"
    message = "Products have no field with this name"


class UnknownColumn(Invalid):
    """The mapping names a column that the file does not have."""

    code, field = "unknown_column", "mapping.title"
    message = "The file has no column with this name"


class DuplicateColumn(Invalid):
    """Two columns of the file have one meaning. `detail` has their names."""

    code, field = "duplicate_column", "mapping.price"
    message = "Two columns mean the same"


class AmbiguousColumn(Invalid):
    """A column's name resembles a field. `detail` has its name."""

    code, field = "ambiguous_column", "mapping.price"
    message = "A column may or may not be the price: state it in the mapping"


class TooManyRows(Invalid):
    code, field = "too_many_rows", "file"
    message = "The file has too many rows"


class TooManyImports(Conflict):
    """The caller has as many unfinished imports as one person may have."""

    code = "too_many_imports"
    message = "Wait until one of your imports has finished"


class ImportNotFound(NotFound):
    """There is no such import."""


class ImportFinished(Conflict):
    code = "import_finished"
    message = "The import has finished"
