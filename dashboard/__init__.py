"""What the pages share: charts, forms and other parts of the screen, made with Streamlit."""
