"""genred: music arrives in a folder, and a moment later it carries a genre."""

__version__ = "0.1.0"
