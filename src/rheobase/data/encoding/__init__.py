"""From images and events to sequences."""
