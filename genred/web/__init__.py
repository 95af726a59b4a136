"""The library, the review and the service in a browser. Starlette and uvicorn come with the extra ``web``.

`render` makes pages and needs Jinja2 alone, so that `genred report` writes its page without the extra.
"""
