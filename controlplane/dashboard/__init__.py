"""The pages that are not admin forms, and the frame around all of them."""
