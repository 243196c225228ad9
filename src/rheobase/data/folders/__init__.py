"""A user's own folders of images, audio or event files: what lies in them, and how it is read."""
