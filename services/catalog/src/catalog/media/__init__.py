"""Images: uploads, their variants, product images, personal pictures and avatars."""
