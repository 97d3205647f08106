"""A mail with a diff in it, lossless: envelope, unified diff, intake from every form people have."""
