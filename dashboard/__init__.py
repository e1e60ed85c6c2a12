"""What pages share: charts, forms and other pieces of the screen, made with Streamlit."""
