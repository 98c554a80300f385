//! Pictures and plots: films, heatmaps and outlines as PNG, curves and bars as SVG.
