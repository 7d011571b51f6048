def make_safe_markdown(text: str) -> str:
    """x"""
    return text
