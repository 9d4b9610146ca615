"""The extension in a real JupyterLab and a real Notebook 7, by way of a real browser."""
