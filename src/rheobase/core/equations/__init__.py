"""Parts that the equations of several neurons share."""
